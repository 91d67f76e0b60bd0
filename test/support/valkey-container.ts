import { randomBytes } from 'node:crypto';
import { GenericContainer, Wait } from 'testcontainers';
import { findFreePort } from '../../apps/cli/src/free-port.js';
import { docker, whenWeAreGone } from './docker.js';
import type { TestRedis } from './redis.js';

/** The image of docker-compose.yml. */
const IMAGE = 'valkey/valkey:8-alpine';

/**
 * Starts the Valkey that the compose file runs, in a container of the test's own, with AOF and noeviction. Its port is
 * on every interface of this machine for as long as it runs, so it has a password.
 */
export async function startValkeyContainer(): Promise<TestRedis> {
  // Its own cleaner is one more image to fetch; ours is a shell.
  process.env['TESTCONTAINERS_RYUK_DISABLED'] = 'true';
  const port = await findFreePort();
  const password = randomBytes(16).toString('hex');
  const command = ['valkey-server', '--appendonly', 'yes', '--maxmemory-policy', 'noeviction'];
  const container = await new GenericContainer(IMAGE)
    .withCommand([...command, '--requirepass', password])
    .withExposedPorts({ container: 6379, host: port })
    .withWaitStrategy(Wait.forLogMessage(/Ready to accept connections/))
    .start();
  const id = container.getId();
  const callOff = whenWeAreGone(`docker rm -f -v ${id}`);
  const cli = (...args: readonly string[]) =>
    docker(['exec', id, 'valkey-cli', '--no-auth-warning', '-a', password, ...args]);
  return {
    url: `redis://:${password}@127.0.0.1:${port}`,
    port,
    pid: Number(await docker(['container', 'inspect', id, '--format', '{{.State.Pid}}'])),
    stop: async () => {
      await docker(['rm', '-f', '-v', id]);
      callOff();
    },
    kill: async () => void (await docker(['kill', '-s', 'KILL', id])),
    restart: async () => void (await docker(['restart', id])),
    freeze: () => void docker(['pause', id]),
    thaw: () => void docker(['unpause', id]),
    flush: async () => void (await cli('FLUSHALL')),
  };
}
