import { Redis } from 'ioredis';
import { monotonicFactory } from 'ulid';
import { requestId } from '#core/ids.js';
import type { NewRequest } from '#core/ledger/transitions.js';
import type { Target } from '#core/target.js';
import type { BrokerLog } from '../connection.js';
import { Keys } from '../keys.js';
import { Ledger } from '../ledger.js';
import { Queues } from '../queues.js';

/** Requests that are accepted within one millisecond stay in their order. */
const ulid = monotonicFactory();

export const silentLog: BrokerLog = { info: () => undefined, warn: () => undefined, error: () => undefined };

export const local: Target = { provider: 'gpu-box', model: 'llama', location: 'local' };
export const cloud: Target = { provider: 'openai', model: 'gpt', location: 'cloud' };

/** Resolves once this connection, cut before or about to be, is ready again; `events.once` would take the cut for an end. */
export async function whenReadyAgain(connection: Redis): Promise<void> {
  connection.on('error', () => undefined);
  await new Promise<void>((resolve) => void connection.once('ready', resolve));
}

/** The parts of a broker on one connection, for tests that look at one of them. */
export class Parts {
  readonly keys = new Keys('test', 1);
  readonly redis: Redis;
  readonly ledger: Ledger;
  readonly queues: Queues;
  /** Errors that BullMQ reported. */
  readonly errors: Error[] = [];

  constructor(readonly url: string) {
    this.redis = new Redis(url, { maxRetriesPerRequest: null });
    this.ledger = new Ledger(this.redis, this.keys);
    this.queues = new Queues(this.redis, this.keys, (error) => this.errors.push(error));
  }

  /** A plain request for `local`. */
  request(id: string): NewRequest {
    const asked = {
      application: null,
      endpoint: 'chat',
      model: 'm',
      stream: true,
      includeUsage: false,
    } as const;
    const plain = { id, ...asked, replica: 'api-1' };
    const body = Buffer.from('{"messages":[]}');
    return { ...plain, targets: [local], timeoutMs: 60_000, maxWaiting: 100, body };
  }

  /** Accepts a request and returns its id; adds no job. */
  async accept(over: Partial<NewRequest> = {}): Promise<string> {
    const id = requestId(0, ulid());
    const { kind } = await this.ledger.accept({ ...this.request(id), ...over });
    if (kind !== 'accepted') throw new Error(`expected an accepted request, got ${kind}`);
    return id;
  }

  /** Claims as a worker that was handed the first attempt's job, and returns the run. */
  async claim(request: string, attempt = 1, worker = 'worker-1') {
    const reply = await this.ledger.claim({ request, attempt, token: ulid(), worker });
    if (reply.kind !== 'run') throw new Error(`expected a run, got ${reply.kind}`);
    return reply;
  }

  async close(): Promise<void> {
    await this.queues.close();
    this.redis.disconnect();
  }
}
