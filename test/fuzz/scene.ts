import { readFile } from 'node:fs/promises';
import { contentOf, fetchAnswer, jsonOf, waitForModel } from '../support/client.js';
import { TestBroker } from '../support/start-broker.js';
import { MODEL } from './base-requests.js';
import { ANSWER, startFuzzUpstream } from './fuzz-upstream.js';
import { Starvation } from './starvation.js';

/** An api and a worker as users run them, with an upstream that answers everything at once. */
export interface FuzzScene {
  readonly url: string;
  readonly port: number;
  readonly apiPid: number;
  readonly timeouts: SceneTimeouts;
  /** Resident memory of the api, MiB. */
  readonly memoryMiB: () => Promise<number>;
  /** What the processes complained of. */
  readonly complaints: () => string[];
  /** Was this machine so busy lately that the api may have taken Redis for away? */
  readonly isStarved: () => boolean;
  /** Rejects if a client in good order is not answered as it should be. */
  readonly checkHealth: () => Promise<void>;
  readonly stop: () => Promise<void>;
}

/** How long the api waits for a request, and for the reader of an answer, ms. */
export interface SceneTimeouts {
  readonly headersTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly stallTimeoutMs: number;
}

/** Short, so that what never comes is given up soon. */
const IMPATIENT: SceneTimeouts = { headersTimeoutMs: 1_000, requestTimeoutMs: 1_500, stallTimeoutMs: 5_000 };

export async function startFuzzScene(timeouts = IMPATIENT): Promise<FuzzScene> {
  const upstream = await startFuzzUpstream();
  // Longer than whatever still reads them; short, or a million requests would fill Redis.
  const keepMs = 5_000 + 3 * timeouts.stallTimeoutMs;
  const broker = await TestBroker.start({
    apis: 0,
    workers: 0,
    config: {
      server: { ...timeouts, bodyLimitBytes: 262_144, holdMs: 500 },
      requests: { keepMs },
      providers: {
        gpu: { kind: 'openai-compatible', location: 'local', baseUrl: upstream.baseUrl, concurrency: 64 },
      },
      models: { [MODEL]: { targets: [{ provider: 'gpu' }] } },
    },
  });
  let starvation: Starvation | undefined;
  const stop = async () => {
    starvation?.stop();
    await broker.stop();
    await upstream.close();
  };
  try {
    // A line about each of a million requests would be kept here.
    const api = await broker.startApi({ LOG_LEVEL: 'warn' });
    await broker.startWorker();
    const { url } = api;
    const watch = new Starvation(broker.redis.url, [api.pid, broker.redis.pid]);
    starvation = watch;
    await waitForModel(url, MODEL);
    return {
      url,
      port: Number(new URL(url).port),
      apiPid: api.pid,
      timeouts,
      memoryMiB: () => residentMiB(api.pid),
      complaints: () =>
        broker.output.split('\n').filter((line) => /"level":[56]0|^\S*Error|^\s+at /.test(line)),
      isStarved: () => watch.isProven,
      checkHealth: () => checkHealth(url),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Linux; 0 elsewhere. */
async function residentMiB(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return Math.round(Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) / 1_024);
}

async function checkHealth(url: string): Promise<void> {
  const ask = (path: string, body: object) =>
    fetchAnswer(`${url}${path}`, { body: { model: MODEL, ...body } });
  const messages = [{ role: 'user', content: 'Are you well?' }];
  const [whole, stream, vectors] = await Promise.all([
    ask('/v1/chat/completions', { messages }),
    ask('/v1/chat/completions', { messages, stream: true }),
    ask('/v1/embeddings', { input: ['a', 'b'] }),
  ]);
  const text = jsonOf(whole).choices?.[0]?.message?.content;
  const isWell = text === ANSWER && contentOf(stream) === ANSWER && stream.events.at(-1) === '[DONE]';
  if (!isWell || vectors.status !== 200) {
    throw new Error(`a healthy client got ${whole.text}, ${stream.text} and ${vectors.text}`);
  }
}
