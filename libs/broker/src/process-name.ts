import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';

/** Unique in the whole installation, and readable in logs. */
export function processName(role: 'api' | 'worker'): string {
  return `${role}-${hostname().replaceAll(/[^\w.-]/g, '')}-${process.pid}-${randomBytes(3).toString('hex')}`;
}
