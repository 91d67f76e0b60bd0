import { randomBytes } from 'node:crypto';
import { GenericContainer, Wait } from 'testcontainers';
import { findFreePort } from '../../../apps/cli/src/free-port.js';
import { docker, startDocker, whenWeAreGone } from '../docker.js';
import { tinyModel } from './tiny-model.js';

/** The image that llama.cpp publishes of its server. scripts/test.ts asks for it, too. */
const IMAGE = 'ghcr.io/ggml-org/llama.cpp:server';
/** An answer without a limit takes seconds, so that a test can do something in the middle of it. */
const CONTEXT_TOKENS = 8_192;
const FILE = '/tiny.gguf';

export interface LlamaServer {
  /** What makes the preset find it. */
  readonly env: { readonly LLAMA_SERVER_BASE_URL: string; readonly LLAMA_API_KEY: string };
  /** What it calls its model. */
  readonly model: string;
  /** How many answers it works at, at this moment. It can work at two. */
  busySlots(): Promise<number>;
  /** Resolves once it has given up an answer: it says so. To ask for its slots keeps it from looking at connections. */
  cancelled(): Promise<void>;
  /** Lets a server that was started so slowly that it is still loading its model get on with it. */
  hurry(): Promise<void>;
  /** Its container is gone with this. */
  stop(): Promise<void>;
}

/** A share of one CPU, and a context whose memory has to be cleared: with both, loading takes half a minute. */
const SLOWLY = { cpus: 0.01, contextTokens: 262_144 };

/**
 * Starts llama.cpp's own server with a model written just now; resolves once it has loaded it, or, with `slowly`, once
 * it says that it is loading. Its port is on every interface of this machine for as long as it runs, so it has a key.
 */
export async function startLlamaServer({ slowly = false } = {}): Promise<LlamaServer> {
  process.env['TESTCONTAINERS_RYUK_DISABLED'] = 'true';
  const [port, key, model] = [await findFreePort(), randomBytes(16).toString('hex'), 'tiny'];
  const contextTokens = slowly ? SLOWLY.contextTokens : CONTEXT_TOKENS;
  const container = await new GenericContainer(IMAGE)
    .withCopyContentToContainer([{ content: tinyModel({ seed: 1, contextTokens }), target: FILE }])
    .withCommand([
      ...['--model', FILE, '--alias', model, '--api-key', key, '--threads', '1'],
      ...['--parallel', '2', '--ctx-size', String(2 * contextTokens), '--slots'],
    ])
    .withExposedPorts({ container: 8080, host: port })
    .withWaitStrategy(Wait.forHttp('/health', 8080).forStatusCode(slowly ? 503 : 200))
    .withResourcesQuota({ cpu: slowly ? SLOWLY.cpus : 1 })
    .start();
  const id = container.getId();
  const callOff = whenWeAreGone(`docker rm -f -v ${id}`);
  const log = startDocker(['logs', '-f', id]);
  const url = `http://127.0.0.1:${port}`;
  return {
    env: { LLAMA_SERVER_BASE_URL: `${url}/v1`, LLAMA_API_KEY: key },
    model,
    busySlots: async () => {
      const answer = await fetch(`${url}/slots`, { headers: { authorization: `Bearer ${key}` } });
      const slots = (await answer.json()) as readonly { readonly is_processing: boolean }[];
      if (slots.length !== 2) throw new Error(`it has ${slots.length} slots`);
      return slots.filter((slot) => slot.is_processing).length;
    },
    cancelled: () => log.prints('cancel task'),
    hurry: async () => void (await docker(['update', '--cpus', '1', id])),
    stop: async () => {
      await docker(['rm', '-f', '-v', id]);
      await log.exited;
      callOff();
    },
  };
}
