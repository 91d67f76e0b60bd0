import { once } from 'node:events';
import { request, type ClientRequest, type IncomingMessage } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { AnswerReader } from './answer-reader.js';
import type { ClientEvent, ClientHistory } from './history.js';
import type { RequestPlan } from './plan-requests.js';

export interface Api {
  readonly name: string;
  readonly url: string;
}

/** A kept request is asked for again this often, ms, and so many times in a row in vain. */
const AGAIN_MS = 300;
const MOST_IN_VAIN = 40;

/**
 * A client that asks, reads what comes, and remembers everything in order. It may leave half-way; where its request is
 * kept and the connection breaks, it goes on with the answer, or asks again with the same key, at any replica.
 */
export class ChaosClient {
  /** Resolves once it has ended in whatever way. */
  readonly over: Promise<ClientHistory>;
  private readonly apis: string[] = [];
  private readonly sentAt = Date.now();
  private readonly reader: AnswerReader;
  private readonly settle: (ending: ClientHistory['ending']) => void;
  private readonly body: string;
  private call: ClientRequest | undefined;
  private status = 0;
  private request = '';
  private ended = false;
  private leaving: NodeJS.Timeout | undefined;

  constructor(
    private readonly pickApi: () => Api,
    private readonly plan: RequestPlan,
  ) {
    const { promise, resolve } = Promise.withResolvers<ClientHistory['ending']>();
    this.settle = resolve;
    this.over = promise.then((ending) => this.close(ending));
    const { leaves, marker, model, stream } = plan;
    this.reader = new AnswerReader((count) => {
      if (leaves && 'afterTokens' in leaves && count >= leaves.afterTokens) this.end('left');
    });
    const messages = [{ role: 'user', content: `Answer <${marker}>` }];
    this.body = JSON.stringify({ model, stream, messages });
    if (leaves && 'afterMs' in leaves) this.leaving = setTimeout(() => this.end('left'), leaves.afterMs);
    void this.play().then((ending) => this.settle(ending));
  }

  /** Closes the connection; counts only if nothing ended it before. */
  end(ending: 'left' | 'open'): void {
    this.settle(ending);
    this.ended = true;
    this.call?.destroy();
  }

  private close(ending: ClientHistory['ending']): ClientHistory {
    clearTimeout(this.leaving);
    const { apis, sentAt, status, request } = this;
    const { marker, stream, timeoutMs, kept } = this.plan;
    const { events } = this.reader;
    const endedAt = Date.now();
    return { marker, stream, timeoutMs, kept, apis, sentAt, status, request, events, ending, endedAt };
  }

  private async play(): Promise<'whole' | 'broken'> {
    let ending = await this.ask();
    for (let inVain = 0; ending === 'broken' && this.plan.kept !== 'no' && !this.ended;) {
      if (inVain === MOST_IN_VAIN) break;
      await delay(AGAIN_MS);
      const known = this.reader.events.length;
      ending = await this.askAgain();
      // Redis may be away, too: what an api refuses for that reason was not the end.
      if (ending === 'whole' && this.status === 503 && this.forgetRefusal()) ending = 'broken';
      inVain = this.reader.events.length > known ? 0 : inVain + 1;
    }
    return ending;
  }

  private forgetRefusal(): boolean {
    const [, kind, code] = this.reader.events.at(-1) ?? [];
    if (kind !== 'error' || code !== 'redis_unavailable') return false;
    this.reader.events.pop();
    return true;
  }

  private async askAgain(): Promise<'whole' | 'broken'> {
    if (this.plan.kept === 'resume') {
      // It never learnt the id: nobody can go on with that.
      if (this.request === '') return 'broken';
      const cursor = this.reader.cursor === '' ? '' : `?starting_after=${this.reader.cursor}`;
      return this.send('GET', `/v1/requests/${this.request}/stream${cursor}`);
    }
    const before = { request: this.request, events: this.reader.forget() };
    const ending = await this.ask();
    this.compare(before);
    return ending;
  }

  /** The same execution must bring the same answer again, as far as both were read. */
  private compare(before: { request: string; events: readonly ClientEvent[] }): void {
    if (before.request !== this.request) return;
    const { events } = this.reader;
    const both = before.events.slice(0, events.length);
    const differs = both.findIndex(
      ([, kind, text], at) => events[at]?.[1] !== kind || events[at]?.[2] !== text,
    );
    if (differs >= 0) this.reader.note('odd', `came again as another answer from event ${differs} on`);
  }

  private ask(): Promise<'whole' | 'broken'> {
    return this.send('POST', '/v1/chat/completions', {
      'content-type': 'application/json',
      'content-length': String(Buffer.byteLength(this.body)),
      'x-spillway-timeout-ms': String(this.plan.timeoutMs),
      ...(this.plan.kept === 'resume' && { 'x-spillway-on-disconnect': 'continue' }),
      ...(this.plan.kept === 'repeat' && { 'idempotency-key': this.plan.marker }),
    });
  }

  private async send(
    method: 'GET' | 'POST',
    path: string,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<'whole' | 'broken'> {
    const api = this.pickApi();
    this.apis.push(api.name);
    this.reader.begin();
    const call = request(`${api.url}${path}`, { method, agent: false, headers });
    this.call = call;
    call.on('error', () => undefined);
    const responded = once(call, 'response') as Promise<[IncomingMessage]>;
    call.end(method === 'POST' ? this.body : undefined);
    try {
      const [response] = await responded;
      return await this.receive(response);
    } catch {
      return 'broken';
    }
  }

  private async receive(response: IncomingMessage): Promise<'whole' | 'broken'> {
    this.status = response.statusCode ?? 0;
    this.request = String(response.headers['x-request-id'] ?? this.request);
    response.setEncoding('utf8').on('error', () => undefined);
    const isStream = String(response.headers['content-type']).startsWith('text/event-stream');
    let body = '';
    response.on('data', (piece: string) => {
      if (isStream) this.reader.readStream(piece);
      else body += piece;
    });
    await new Promise((resolve) => response.once('close', resolve));
    if (!response.complete) return 'broken';
    if (isStream) this.reader.end();
    else this.reader.readBody(body);
    return 'whole';
  }
}
