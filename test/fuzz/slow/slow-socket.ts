import { connect } from 'node:net';

/** What a slow client does: sends its headers, or its body, a byte at a time for ever; or reads nothing of its answer. */
export type SlowKind = 'headers' | 'body' | 'reader';

/** How a connection ended that its server closed. */
export interface Closing {
  /** After it was made, ms. */
  readonly afterMs: number;
  /** Of the answer that came before; undefined where none did, or nobody read it. */
  readonly status: number | undefined;
}

/** One slow client, from its connection to its end. */
export interface SlowSocket {
  readonly kind: SlowKind;
  /** Resolves once it is connected and has begun to be slow. */
  readonly begun: Promise<void>;
  /** A reader that reads nothing does not learn of its end: whoever wants to know asks the server. */
  readonly closed: Promise<Closing>;
  readonly leave: () => void;
}

export interface SlowSocketOptions {
  readonly port: number;
  readonly kind: SlowKind;
  /** Between two bytes, ms. */
  readonly dripMs: number;
  /** The path of an answer that is larger than the buffers between the two ends of a connection. */
  readonly largeAnswer: string;
}

export function openSlowSocket({ port, kind, dripMs, largeAnswer }: SlowSocketOptions): SlowSocket {
  const socket = connect(port, '127.0.0.1');
  const begun = Promise.withResolvers<void>();
  const closed = Promise.withResolvers<Closing>();
  let connectedAt = 0;
  let drip: NodeJS.Timeout | undefined;
  let received = '';
  socket.once('connect', () => {
    connectedAt = performance.now();
    socket.write(headOf(kind, largeAnswer));
    if (kind === 'reader') socket.pause();
    else drip = setInterval(() => socket.write('x'), dripMs);
    begun.resolve();
  });
  if (kind !== 'reader') socket.on('data', (piece) => (received += piece.toString('latin1')));
  socket.on('error', (error) => begun.reject(error));
  socket.once('close', () => {
    clearInterval(drip);
    const [, status] = /^HTTP\/1\.1 (\d+)/.exec(received) ?? [];
    const afterMs = performance.now() - connectedAt;
    closed.resolve({ afterMs, status: status === undefined ? undefined : Number(status) });
  });
  return { kind, begun: begun.promise, closed: closed.promise, leave: () => socket.destroy() };
}

function headOf(kind: SlowKind, largeAnswer: string): string {
  switch (kind) {
    case 'headers':
      return 'POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\nx-slow: ';
    case 'body':
      return 'POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 100000\r\n\r\n{"model":"';
    case 'reader':
      return `GET ${largeAnswer} HTTP/1.1\r\nhost: a\r\n\r\n`;
  }
}
