import { connect } from 'node:net';
import type { Socket } from 'node:net';
import type { Call } from './call.js';
import type { RequestTemplate } from './request-template.js';
import { ResponseReader } from './response-reader.js';
import { WrongAnswerError, excerpt } from './wrong-answer.js';

/** All sockets read into the same bytes: what is read is looked at before the next read. */
const READ_BUFFER = Buffer.allocUnsafeSlow(256 * 1_024);

export interface ConnectionEvents {
  /** Its call is over; it takes another one if it is reusable. */
  free(connection: Connection): void;
  /** It cannot be used any more; free was called before if it had a call. */
  closed(connection: Connection): void;
  /** Bytes came that no request asked for. */
  stray(why: string): void;
}

/** A connection with one request at a time. */
export class Connection {
  /** When the last byte came, or the last request left, ms of `performance.now()`. */
  touchedAt = performance.now();
  private readonly reader = new ResponseReader();
  private call: Call | undefined;
  private isClosed = false;

  private constructor(
    private readonly socket: Socket,
    private readonly events: ConnectionEvents,
  ) {}

  /** @throws {Error} nobody listens */
  static async open(host: string, port: number, events: ConnectionEvents): Promise<Connection> {
    const { promise, resolve, reject } = Promise.withResolvers<Connection>();
    const socket: Socket = connect({
      host,
      port,
      noDelay: true,
      onread: { buffer: READ_BUFFER, callback: (count) => connection.read(count) },
    });
    const connection = new Connection(socket, events);
    socket.once('connect', () => resolve(connection));
    socket.on('error', (error) => {
      reject(error);
      connection.close(error.message);
    });
    socket.on('close', () => connection.close('the connection closed'));
    return promise;
  }

  get isUsable(): boolean {
    return !this.isClosed;
  }

  get isBusy(): boolean {
    return this.call !== undefined;
  }

  ask(call: Call, template: RequestTemplate): void {
    this.call = call;
    this.touchedAt = performance.now();
    this.reader.expect(call);
    template.write(this.socket, call.id);
  }

  /** Ends it, and its call, which was not answered. */
  close(why: string): void {
    if (this.isClosed) return;
    this.isClosed = true;
    const call = this.call;
    if (call !== undefined) {
      call.now = performance.now();
      try {
        this.reader.close(); // an answer without a length ends with its connection
        call.fail(why, call.now);
      } catch (error) {
        call.fail(`${why}: ${messageOf(error)}`, call.now);
      }
    }
    this.socket.destroy();
    this.release();
    this.events.closed(this);
  }

  private read(count: number): boolean {
    const call = this.call;
    const text = READ_BUFFER.toString('latin1', 0, count);
    this.touchedAt = performance.now();
    if (this.isClosed) return false;
    if (call === undefined) {
      this.events.stray(`bytes without a request: ${excerpt(text)}`);
      this.close('bytes without a request');
      return false;
    }
    call.now = this.touchedAt;
    try {
      this.reader.push(text);
    } catch (error) {
      if (call.isOver) this.events.stray(messageOf(error));
      else call.fail(messageOf(error), call.now);
      this.close('its answer was wrong');
      return false;
    }
    if (call.isOver) this.endCall();
    else if (call.hasSeenEnough) {
      call.leave();
      this.endCall();
    }
    return true;
  }

  private endCall(): void {
    if (this.reader.isReusable) this.release();
    else this.close('its call is over');
  }

  private release(): void {
    if (this.call === undefined) return;
    this.call = undefined;
    this.events.free(this);
  }
}

function messageOf(error: unknown): string {
  if (error instanceof WrongAnswerError) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
