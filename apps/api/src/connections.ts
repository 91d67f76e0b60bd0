import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { ErrorCode, ErrorParams } from '#core/errors.js';
import type { ApiSettings } from './api-settings.js';
import { errorOfConnection, pathOf, rawErrorResponse } from './edge-errors.js';
import type { RequestRecord } from './request-record.js';

/** How long a client may go on sending what nobody wants, and so come to read why, ms. */
const LINGER_MS = 5_000;

export interface ConnectionsOptions {
  readonly settings: ApiSettings;
  readonly newRequestId: () => string;
}

/** The latest request of a connection; `before`: the answer that must be over before this one's may begin. */
interface Latest {
  readonly record: RequestRecord;
  readonly request: IncomingMessage;
  readonly raw: ServerResponse;
  readonly before: ServerResponse | undefined;
}

/**
 * What a connection carries one after another: whose turn it is, and after which answer it is over. No answer is ever
 * written into another one, and nothing behind the last request that was in order is looked at.
 */
export class Connections {
  private readonly latest = new WeakMap<Socket, Latest>();
  private readonly closing = new WeakSet<Socket>();

  constructor(private readonly options: ConnectionsOptions) {}

  /**
   * Keeps Node from closing a connection on which something may still be on its way: its client would lose what it has not
   * read of the answers. It is none only where the client has asked for the end, and this is it.
   */
  watch(socket: Socket): void {
    const closeNow = socket.destroySoon.bind(socket);
    socket.destroySoon = () => {
      const latest = this.latest.get(socket);
      if (latest && isOver(latest) && !this.closing.has(socket)) closeNow();
      else this.linger(socket);
    };
  }

  note(record: RequestRecord, request: IncomingMessage, raw: ServerResponse): void {
    const { socket } = request;
    this.latest.set(socket, { record, request, raw, before: this.latest.get(socket)?.raw });
    // Behind a pipelined request, whose time to be read is not this one's time to be worked on.
    if (!raw.socket) raw.once('socket', () => socket.setTimeout(0));
  }

  /** An earlier answer is the last one: what comes behind it is not a request, whatever it looks like. */
  isClosing(socket: Socket): boolean {
    return this.closing.has(socket);
  }

  /** This answer is the last one of its connection. */
  closeAfter(raw: ServerResponse, socket: Socket): void {
    this.closing.add(socket);
    if (raw.headersSent) raw.once('close', () => socket.destroySoon());
    else raw.shouldKeepAlive = false;
  }

  /** For what Node could not make a request of, and for requests that do not arrive in time. */
  refuse(nodeCode: string | undefined, socket: Socket): void {
    const latest = this.pending(socket);
    if (hasLeft(nodeCode)) {
      socket.destroy();
      return;
    }
    // The parser says it again for whatever arrives.
    if (this.closing.has(socket)) return;
    if (!socket.writable) {
      socket.destroy();
      return;
    }
    const last = latest?.request.complete === true ? latest.raw : latest?.before;
    if (last && !last.destroyed) {
      this.closeBehind(last, socket, latest?.raw === last ? undefined : () => this.tell(nodeCode, socket));
    } else this.tell(nodeCode, socket);
  }

  /**
   * Tells a client that waits for it to send its body, once its turn has come; `answer` begins to answer. Node itself would
   * write it between head and body of an answer that is ready before its turn.
   */
  proceed(raw: ServerResponse, answer: () => void): void {
    answer();
    const tell = () => {
      // Else it has been answered without its body.
      if (!raw.headersSent && !raw.destroyed) raw.writeContinue();
    };
    if (raw.socket) tell();
    else raw.once('socket', tell);
  }

  /** CONNECT: this is no proxy. */
  refuseTunnel({ method = '', url = '' }: IncomingMessage, socket: Socket): void {
    // Node has let go of this connection, and listens to nothing of it any more.
    socket.on('error', () => socket.destroy());
    // Else it would be written into that answer, or behind the last one.
    if (!socket.writable || this.pending(socket) || this.closing.has(socket)) socket.destroy();
    else this.end(socket, 'not_found', { method, path: pathOf(url) });
  }

  /** What is at fault stands behind requests that are in order: they are answered first. */
  private closeBehind(last: ServerResponse, socket: Socket, then: (() => void) | undefined): void {
    if (then) {
      this.closing.add(socket);
      last.once('close', then);
    } else this.closeAfter(last, socket);
    // Node has given up on this connection, and would not tell that its client has left.
    socket.once('end', () => socket.destroy());
  }

  private tell(nodeCode: string | undefined, socket: Socket): void {
    const latest = this.pending(socket);
    if (!socket.writable || latest?.raw.headersSent) {
      socket.destroy();
      return;
    }
    const { requestTimeoutMs, headersTimeoutMs } = this.options.settings.config.server;
    const { code, params } = errorOfConnection(nodeCode, latest ? requestTimeoutMs : headersTimeoutMs);
    if (latest) latest.record.outcome = code;
    this.end(socket, code, params, latest?.record.id);
  }

  private end(socket: Socket, code: ErrorCode, params: ErrorParams, id = this.options.newRequestId()): void {
    socket.write(rawErrorResponse(code, params, id));
    this.linger(socket);
  }

  /** Sends what is left, and reads on until its client has closed, too: a reset would take from it what it has not read. */
  private linger(socket: Socket): void {
    this.closing.add(socket);
    socket.end();
    socket.resume();
    const timer = setTimeout(() => socket.destroy(), LINGER_MS).unref();
    socket.once('close', () => clearTimeout(timer));
  }

  /** The latest request, unless it has been answered. */
  private pending(socket: Socket): Latest | undefined {
    const latest = this.latest.get(socket);
    return latest?.raw.destroyed ? undefined : latest;
  }
}

/** Has the client been answered all it asked for, the end of the connection included? */
function isOver({ request, raw }: Latest): boolean {
  const { complete, httpVersion, headers } = request;
  return (
    complete && raw.writableFinished && (httpVersion === '1.0' || /\bclose\b/i.test(headers.connection ?? ''))
  );
}

/** Did the client close the connection, in the middle of its request even? */
function hasLeft(nodeCode: string | undefined): boolean {
  return nodeCode === 'ECONNRESET' || nodeCode === 'EPIPE' || nodeCode === 'HPE_INVALID_EOF_STATE';
}
