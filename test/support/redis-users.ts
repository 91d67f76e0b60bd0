import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** The users that operators are told to make; every end-to-end test runs as they do. */
const EXAMPLE = path.resolve('deploy/redis/users.acl');

/**
 * Writes the example's users to a file for `redis-server --aclfile`, with the test itself as a default user who may do
 * everything.
 */
export function writeUsers(file: string): void {
  const users = readFileSync(EXAMPLE, 'utf8');
  writeFileSync(file, users.replace('user default off', 'user default on nopass ~* &* +@all'));
}

/** The URL with the name and password of one of the example's users. */
export function asUser(url: string, user: 'spillway-api' | 'spillway-worker'): string {
  const password = new RegExp(`^user ${user} on >(\\S+)`, 'm').exec(readFileSync(EXAMPLE, 'utf8'))?.[1];
  if (password === undefined) throw new Error(`${EXAMPLE} has no user ${user} with a password.`);
  return url.replace('://', `://${user}:${password}@`);
}
