import type { ClientEvent, EventKind } from './history.js';

interface Chunk {
  readonly error?: { readonly code: string };
  readonly choices?: readonly {
    readonly delta?: { readonly content?: string };
    readonly message?: { readonly content?: string };
    readonly finish_reason: string | null;
  }[];
}

/** Reads the events of answers, streamed or whole, and keeps them in order. */
export class AnswerReader {
  events: ClientEvent[] = [];
  /** The last event's id, with which a kept stream can be gone on with. */
  cursor = '';
  private tokens = 0;
  private rest = '';
  private id = '';
  private data: string[] = [];

  /** `onToken` is called with the number of tokens events so far. */
  constructor(private readonly onToken: (count: number) => void) {}

  /** A new response begins; what an earlier one left half-read is gone with its connection. */
  begin(): void {
    [this.rest, this.id, this.data] = ['', '', []];
  }

  /** Forgets what was read, for an answer that comes again from its beginning. */
  forget(): readonly ClientEvent[] {
    const { events } = this;
    this.events = [];
    this.cursor = '';
    this.tokens = 0;
    return events;
  }

  readStream(piece: string): void {
    const lines = (this.rest + piece).split('\n');
    this.rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line === '') this.dispatch();
      else if (line.startsWith('data: ')) this.data.push(line.slice('data: '.length));
      else if (line.startsWith('id: ')) this.id = line.slice('id: '.length);
      else if (!line.startsWith(':')) this.note('odd', line);
    }
  }

  readBody(text: string): void {
    this.readChunk(text);
    if (this.events.some(([, kind]) => kind === 'token')) this.note('done', '');
  }

  /** The response ended as it should: nothing may be half-read. */
  end(): void {
    const left = [...this.data, this.rest].join('');
    if (left !== '') this.note('odd', left);
  }

  note(kind: EventKind, text: string): void {
    this.events.push([Date.now(), kind, text]);
    if (kind === 'token') this.onToken((this.tokens += 1));
  }

  private dispatch(): void {
    const data = this.data.splice(0).join('\n');
    if (data === '') return;
    if (this.id !== '') this.cursor = this.id;
    if (data === '[DONE]') this.note('done', '');
    else this.readChunk(data);
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
}
