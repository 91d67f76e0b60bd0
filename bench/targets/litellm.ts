import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { stringify } from 'yaml';
import type { Target } from '../contract.js';
import { installOnce, runInstaller } from './install-once.js';
import { startServerTarget } from './server-target.js';

const HOME = path.resolve('.cache/bench/litellm');
const BIN = path.join(HOME, 'bin');
const PINS = path.join(import.meta.dirname, 'pins/litellm.txt');
const MODEL = 'bench-alias';
const MASTER_KEY = 'sk-bench';

/** LiteLLM's proxy with one worker process, a master key, and neither database nor telemetry. */
export async function startLitellm(upstreamUrl: string): Promise<Target | { readonly missing: string }> {
  const missing = await installOnce({
    directory: HOME,
    pins: PINS,
    install: async () => {
      await runInstaller(HOME, 'python3', ['-m', 'venv', HOME]);
      const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-deps'];
      await runInstaller(HOME, path.join(BIN, 'python'), [...pip, '--only-binary', ':all:', '-r', PINS]);
    },
  });
  if (missing !== undefined) return { missing: `litellm could not be installed: ${missing}` };
  return startServerTarget({
    name: 'litellm',
    headers: { authorization: `Bearer ${MASTER_KEY}` },
    model: MODEL,
    servers: async ({ port, directory }) => {
      await writeFile(path.join(directory, 'config.yaml'), stringify(configure(upstreamUrl)));
      const address = ['--host', '127.0.0.1', '--port', String(port)];
      return [
        {
          role: 'proxy',
          command: path.join(BIN, 'litellm'),
          args: ['--config', 'config.yaml', ...address, '--num_workers', '1', '--telemetry', 'False'],
          // What its documentation advises for production; and no price list from the network.
          env: {
            PATH: `${BIN}:/usr/bin:/bin`,
            HOME: directory,
            LITELLM_MODE: 'PRODUCTION',
            LITELLM_LOG: 'ERROR',
            LITELLM_LOCAL_MODEL_COST_MAP: 'True',
          },
        },
      ];
    },
  });
}

function configure(upstreamUrl: string): object {
  const upstream = {
    model: 'openai/bench-model',
    api_base: `${upstreamUrl}/v1`,
    api_key: 'key-of-the-upstream',
  };
  return {
    model_list: [{ model_name: MODEL, litellm_params: upstream }],
    litellm_settings: { telemetry: false, num_retries: 0 },
    general_settings: { master_key: MASTER_KEY },
  };
}
