import { cp } from 'node:fs/promises';
import path from 'node:path';
import type { Target } from '../contract.js';
import { installOnce, runInstaller } from './install-once.js';
import { startServerTarget } from './server-target.js';

const HOME = path.resolve('.cache/bench/portkey');
const PINS = path.join(import.meta.dirname, 'pins/portkey');

/**
 * Portkey's open-source gateway: one process that passes calls on to the address that the client's headers name. It
 * asks for no key, keeps no log, and has no address option: it listens on all of this machine's.
 */
export async function startPortkey(upstreamUrl: string): Promise<Target | { readonly missing: string }> {
  const missing = await installOnce({
    directory: HOME,
    pins: path.join(PINS, 'package-lock.json'),
    install: async () => {
      await cp(PINS, HOME, { recursive: true });
      await runInstaller(HOME, 'npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund']);
    },
  });
  if (missing !== undefined) return { missing: `@portkey-ai/gateway could not be installed: ${missing}` };
  return startServerTarget({
    name: 'portkey',
    headers: {
      authorization: 'Bearer key-of-the-upstream',
      'x-portkey-provider': 'openai',
      'x-portkey-custom-host': `${upstreamUrl}/v1`,
    },
    servers: async ({ port }) => [
      {
        role: 'proxy',
        command: process.execPath,
        args: [
          path.join(HOME, 'node_modules/@portkey-ai/gateway/build/start-server.js'),
          `--port=${port}`,
          '--headless',
        ],
        env: { NODE_ENV: 'production', TRUSTED_CUSTOM_HOSTS: '127.0.0.1' },
      },
    ],
  });
}
