import { Agent } from 'node:http';
import { setTimeout as pace } from 'node:timers/promises';
import { ChatCall, type Answered } from './chat-call.js';
import { runOf } from './marked-answer.js';

export interface SteadyLoadOptions {
  /** Clients that each ask one question after another. */
  readonly clients: number;
  /** Base URLs of the apis that a load balancer would choose from now. */
  readonly urls: () => readonly string[];
  /** Which questions are streams. Default: every other one. */
  readonly isStream?: (question: number) => boolean;
}

/** A question, and what became of it after as many tries as an SDK makes. */
export interface Asked {
  readonly marker: string;
  readonly stream: boolean;
  readonly answered: Answered;
  /** Why earlier tries came to nothing: `ECONNREFUSED`, `ECONNRESET`, or the error code of a refusal. */
  readonly refusals: readonly string[];
  /** From the first try to the end of the last, ms. */
  readonly ms: number;
}

/** SDKs try three times by default; here the balancer may be behind by one change. */
const TRIES = 3;
/** Between two tries, ms. SDKs wait longer. */
const RETRY_MS = 50;

/** Clients that ask without a pause, over connections that they keep, and try again what was not accepted. */
export class SteadyLoad {
  readonly asked: Asked[] = [];
  private running = true;
  private readonly clients: readonly Promise<void>[];
  private questions = 0;
  private readonly watchers = new Set<() => void>();

  private constructor(private readonly options: SteadyLoadOptions) {
    this.clients = Array.from({ length: options.clients }, (_, index) => this.ask(index));
  }

  /** Asks while `play` lasts, also if it fails; resolves once every question that was asked is answered. */
  static async during(
    options: SteadyLoadOptions,
    play: (load: SteadyLoad) => Promise<void>,
  ): Promise<SteadyLoad> {
    const load = new SteadyLoad(options);
    try {
      await play(load);
    } finally {
      load.running = false;
      await Promise.all(load.clients);
    }
    return load;
  }

  /** Resolves once that many more answers are there. */
  async waitForMore(count: number): Promise<void> {
    const until = this.asked.length + count;
    await new Promise<void>((resolve) => {
      const look = (): void => {
        if (this.asked.length < until) return;
        this.watchers.delete(look);
        resolve();
      };
      this.watchers.add(look);
    });
  }

  /** The longest time in which no answer came to its end, ms. */
  get longestPauseMs(): number {
    const ends = this.asked.map(({ answered }) => answered.endedAt).toSorted((a, b) => a - b);
    return Math.max(0, ...ends.slice(1).map((endedAt, index) => endedAt - (ends[index] ?? endedAt)));
  }

  private async ask(client: number): Promise<void> {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    for (let turn = client; this.running; turn++) {
      const question = this.questions++;
      this.asked.push(await this.askOnce(`q${question}`, turn, agent));
      for (const watcher of this.watchers) watcher();
    }
    agent.destroy();
  }

  private async askOnce(marker: string, turn: number, agent: Agent): Promise<Asked> {
    const { urls, isStream = (question) => question % 2 === 0 } = this.options;
    const stream = isStream(turn);
    const startedAt = performance.now();
    const refusals: string[] = [];
    for (let attempt = 0; ; attempt++) {
      const choice = urls();
      const url = choice[(turn + attempt) % choice.length] ?? '';
      const answered = await new ChatCall(url, { marker, stream, agent }).answered;
      const refusal = notAccepted(answered);
      if (refusal === undefined || attempt === TRIES - 1) {
        return { marker, stream, answered, refusals, ms: performance.now() - startedAt };
      }
      refusals.push(refusal);
      await pace(RETRY_MS);
    }
  }
}

/** Nothing was accepted, so that asking again is free. */
function notAccepted({ status, refused, error }: Answered): string | undefined {
  if (status === 0) return refused ?? 'no answer';
  return status === 503 && error?.code === 'shutting_down' ? error.code : undefined;
}

/** The upstream call that a whole answer came from; throws if anything is missing or was mixed in. */
export function callOf({ marker, answered }: Asked, count: number): number {
  const { status, done, whole, tokens, error } = answered;
  if (status !== 200 || !done || !whole || tokens.length !== count)
    throw new Error(`${marker}: ${JSON.stringify({ status, done, whole, error, tokens: tokens.length })}`);
  return runOf(marker, tokens);
}
