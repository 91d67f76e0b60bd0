import type { Socket } from 'node:net';
import { readCall } from './read-call.js';
import type { BenchCall } from './read-call.js';
import { StreamText, modelList, refusal, wholeAnswer } from './render.js';
import { RequestReader } from './request-reader.js';
import type { UpstreamRequest } from './request-reader.js';
import type { TimerWheel } from './timer-wheel.js';

/** What the upstream counts. */
export interface Counts {
  /** Chat completions, as they arrived. */
  calls: number;
  /** Being answered now. */
  open: number;
  /** Hung up on before their answer was through. */
  cancelled: number;
}

/** One connection: answers its calls, one after the other. */
export class Conversation {
  private readonly reader = new RequestReader((request) => this.take(request));
  private isAnswering = false;

  constructor(
    private readonly socket: Socket,
    private readonly wheel: TimerWheel,
    private readonly counts: Counts,
  ) {}

  start(): void {
    this.socket.on('data', (bytes: Buffer) => {
      try {
        this.reader.push(bytes);
      } catch (error) {
        this.refuse('400 Bad Request', error instanceof Error ? error.message : String(error));
        this.socket.end();
      }
    });
    // Clients that leave are part of some loads.
    this.socket.on('error', () => undefined);
    this.socket.on('close', () => {
      if (!this.isAnswering) return;
      this.isAnswering = false;
      this.counts.open--;
      this.counts.cancelled++;
    });
  }

  private take({ method, path, body }: UpstreamRequest): void {
    if (this.isAnswering) throw new Error('a request before the answer to the one before it');
    if (method === 'GET' && path.endsWith('/models')) this.socket.write(modelList(), 'latin1');
    else if (method === 'POST' && path.endsWith('/chat/completions')) this.takeCall(body);
    else this.refuse('404 Not Found', `no ${method} ${path} here`);
  }

  private takeCall(body: Buffer): void {
    const call = readCall(body);
    if (call === undefined) {
      this.refuse('400 Bad Request', 'the call carries no script');
      return;
    }
    this.counts.calls++;
    this.counts.open++;
    this.isAnswering = true;
    if (call.delayMs === 0) this.answer(call);
    else this.later(performance.now() + call.delayMs, () => this.answer(call));
  }

  private answer(call: BenchCall): void {
    const { id, events, stream, includeUsage, gapMs } = call;
    if (!stream) {
      this.finish(wholeAnswer(id, events));
      return;
    }
    const text = new StreamText(id);
    if (gapMs === 0) {
      let all = text.open();
      for (let index = 0; index < events; index++) all += text.event(index);
      this.finish(all + text.close(events, includeUsage));
    } else {
      this.socket.write(text.open(), 'latin1');
      this.say(call, text, 0, performance.now());
    }
  }

  /** Says event `index`, then those after it, each in its time after the beginning: a late one delays no other. */
  private say(call: BenchCall, text: StreamText, index: number, beganAt: number): void {
    const { events, gapMs, includeUsage } = call;
    if (index === events) {
      this.finish(text.close(events, includeUsage));
      return;
    }
    this.socket.write(text.event(index), 'latin1');
    this.later(beganAt + (index + 1) * gapMs, () => this.say(call, text, index + 1, beganAt));
  }

  private later(dueAt: number, task: () => void): void {
    this.wheel.add(dueAt, () => {
      if (this.isAnswering) task();
    });
  }

  private finish(text: string): void {
    this.isAnswering = false;
    this.counts.open--;
    this.socket.write(text, 'latin1');
  }

  private refuse(status: string, message: string): void {
    this.socket.write(refusal(status, message), 'latin1');
  }
}
