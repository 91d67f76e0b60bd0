import { request, type ClientRequest, type IncomingMessage } from 'node:http';
import type { ClientEvent, ClientHistory, EventKind } from './history.js';
import type { RequestPlan } from './plan-requests.js';

interface Chunk {
  readonly error?: { readonly code: string };
  readonly choices?: readonly {
    readonly delta?: { readonly content?: string };
    readonly message?: { readonly content?: string };
    readonly finish_reason: string | null;
  }[];
}

/** A client that asks once, reads what comes, may leave half-way, and remembers everything in order. */
export class ChaosClient {
  /** Resolves once it has ended in whatever way. */
  readonly over: Promise<ClientHistory>;
  private readonly events: ClientEvent[] = [];
  private readonly sentAt = Date.now();
  private readonly settle: (ending: ClientHistory['ending']) => void;
  private readonly call: ClientRequest;
  private response: IncomingMessage | undefined;
  private tokens = 0;
  private leaving: NodeJS.Timeout | undefined;

  constructor(
    api: { readonly name: string; readonly url: string },
    private readonly plan: RequestPlan,
  ) {
    const { promise, resolve } = Promise.withResolvers<ClientHistory['ending']>();
    this.settle = resolve;
    this.over = promise.then((ending) => this.close(api.name, ending));
    const messages = [{ role: 'user', content: `Answer <${plan.marker}>` }];
    const body = JSON.stringify({ model: plan.model, stream: plan.stream, messages });
    this.call = request(`${api.url}/v1/chat/completions`, {
      method: 'POST',
      agent: false,
      headers: {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(body),
        'x-spillway-timeout-ms': String(plan.timeoutMs),
      },
    });
    this.call.on('response', (response) => this.receive(response));
    this.call.on('error', () => this.settle('broken'));
    this.call.end(body);
    const { leaves } = plan;
    if (leaves && 'afterMs' in leaves) this.leaving = setTimeout(() => this.end('left'), leaves.afterMs);
  }

  /** Closes the connection; counts only if nothing ended it before. */
  end(ending: 'left' | 'open'): void {
    this.settle(ending);
    this.call.destroy();
  }

  private close(api: string, ending: ClientHistory['ending']): ClientHistory {
    clearTimeout(this.leaving);
    const { plan, events, sentAt, response } = this;
    const { marker, stream, timeoutMs } = plan;
    return {
      ...{ marker, stream, timeoutMs, api, sentAt, events, ending },
      status: response?.statusCode ?? 0,
      request: String(response?.headers['x-request-id'] ?? ''),
      endedAt: Date.now(),
    };
  }

  private receive(response: IncomingMessage): void {
    this.response = response;
    response.setEncoding('utf8');
    response.on('error', () => undefined);
    const isStream = String(response.headers['content-type']).startsWith('text/event-stream');
    let text = '';
    response.on('data', (piece: string) => {
      text += piece;
      if (isStream) text = this.readLines(text);
    });
    response.on('close', () => {
      if (!isStream && response.complete) this.readBody(text);
      else if (text.trim() !== '' && response.complete) this.note('odd', text);
      this.settle(response.complete ? 'whole' : 'broken');
    });
  }

  /** Reads what is whole and answers with the rest. */
  private readLines(text: string): string {
    const lines = text.split('\n');
    const rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line.startsWith('data: ')) this.readEvent(line.slice('data: '.length));
      else if (line !== '' && !line.startsWith(':') && !line.startsWith('id: ')) this.note('odd', line);
    }
    return rest;
  }

  private readEvent(data: string): void {
    if (data === '[DONE]') this.note('done', '');
    else this.readChunk(data);
  }

  private readBody(text: string): void {
    this.readChunk(text);
    if (this.events.some(([, kind]) => kind === 'token')) this.note('done', '');
  }

  private readChunk(text: string): void {
    try {
      const { error, choices = [] } = JSON.parse(text) as Chunk;
      if (error) this.note('error', error.code);
      for (const { delta, message, finish_reason } of choices) {
        const content = (delta ?? message)?.content;
        if (content) this.note('token', content);
        if (finish_reason !== null) this.note('finish', finish_reason);
      }
    } catch {
      this.note('odd', text);
    }
  }

  private note(kind: EventKind, text: string): void {
    this.events.push([Date.now(), kind, text]);
    const { leaves } = this.plan;
    if (kind !== 'token' || !leaves || !('afterTokens' in leaves)) return;
    this.tokens += 1;
    if (this.tokens >= leaves.afterTokens) this.end('left');
  }
}
