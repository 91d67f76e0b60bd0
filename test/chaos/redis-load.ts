import { setTimeout as pace } from 'node:timers/promises';
import type { Answered } from '../support/chat-call.js';
import type { Scene } from '../support/fault-scene.js';
import { runOf } from '../support/marked-answer.js';

/** Tokens of each answer of the load. */
export const LOAD_TOKENS = 20;

/** Clients that ask again and again, and what became of their requests. */
export class RedisLoad {
  /** Answered whole. */
  answered = 0;
  /** Times in which a refused request had its 503, ms. */
  readonly refusedMs: number[] = [];
  /** Accepted, and not answered whole; a sentence each. */
  readonly lost: string[] = [];
  private readonly clients: Promise<void>[] = [];
  private stopped = false;
  private asked = 0;

  constructor(
    private readonly scene: Scene,
    clients: number,
  ) {
    for (let nth = 0; nth < clients; nth++) this.clients.push(this.askOnAndOn());
  }

  /** Lets what is under way end. */
  async stop(): Promise<void> {
    this.stopped = true;
    await Promise.all(this.clients);
  }

  /** One more request, and a pause if it was refused. */
  async askOnce(): Promise<void> {
    const marker = `load${this.asked++}`;
    const answered = await this.scene.ask(marker, { stream: this.asked % 3 > 0 }).answered;
    const why = whyLost(marker, answered, LOAD_TOKENS);
    if (why === 'refused') {
      this.refusedMs.push(answered.ms);
      await pace(50);
    } else if (why === undefined) this.answered++;
    else this.lost.push(why);
  }

  private async askOnAndOn(): Promise<void> {
    while (!this.stopped) await this.askOnce();
  }
}

/** Undefined: the answer is whole. `refused`: a 503 that says that nothing was accepted. */
export function whyLost(marker: string, answered: Answered, count: number): string | undefined {
  const { status, error, tokens, done, whole } = answered;
  if (status === 503 && error?.code === 'redis_unavailable') return 'refused';
  const end = `${done ? 'done' : 'not done'}, ${whole ? 'closed' : 'cut'}`;
  const said = `${marker}: status ${status}, ${error?.code ?? 'no error'}, ${tokens.length} tokens, ${end}`;
  if (status !== 200 || !done || tokens.length !== count) return said;
  try {
    runOf(marker, tokens);
    return undefined;
  } catch (broken) {
    return `${said}: ${String(broken)}`;
  }
}
