import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import type { Random } from '../support/random.js';
import type { Conversation } from './conversation.js';

/** A connection on which nothing has come or gone for so long hangs, unless it answers to another request, ms. */
const SILENCE_MS = 8_000;
const SECOND_CHANCE_MS = 6_000;
/** How long a silent client is silent: longer than the scene waits for a request, ms. */
const SILENT_CLIENT_MS = 2_500;
/** How long one that asks in turn waits for the answer, or a part of it, ms. */
const TURN_MS = 100;

/** A request in order, whose answer is the last one; if it became part of another, that one's timeout is the end. */
const THE_END = Buffer.from('GET /healthz HTTP/1.1\r\nhost: fuzz\r\nconnection: close\r\n\r\n');

export interface Talk {
  /** All that came back, a character for each byte. */
  readonly received: string;
  /** Who ended it; `hung`: nobody. */
  readonly end: 'server' | 'client' | 'hung';
}

/** Carries out a conversation, until the server has closed its connection or the client has left. */
export async function converse(port: number, conversation: Conversation): Promise<Talk> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  const pieces: Buffer[] = [];
  socket.on('data', (piece) => pieces.push(piece));
  // Whoever is refused may be cut off while it still sends.
  socket.on('error', () => undefined);
  const closed = new Promise<'server'>((resolve) => socket.once('close', () => resolve('server')));
  try {
    const end = await Promise.race([closed, play(socket, conversation)]);
    return { received: Buffer.concat(pieces).toString('latin1'), end };
  } finally {
    socket.destroy();
  }
}

/** Answers only where the server does not close. */
async function play(
  socket: Socket,
  { requests, delivery, ending, random }: Conversation,
): Promise<Talk['end']> {
  const isOver = () => !socket.writable;
  if (delivery === 'in turn') {
    for (const request of requests) {
      socket.write(request);
      await Promise.race([once(socket, 'data'), sleep(TURN_MS)]).catch(() => undefined);
      if (isOver()) break;
    }
  } else {
    const tail = ending === 'asks for the end' ? [THE_END] : [];
    const pieces =
      delivery === 'at once'
        ? [Buffer.concat([...requests, ...tail])]
        : split([...requests, ...tail], random);
    for (const piece of pieces) {
      socket.write(piece);
      await (delivery === 'dripping' ? sleep(random.between(1, 20)) : turn());
      if (isOver()) break;
    }
  }
  if (ending === 'leaves') {
    await sleep(random.between(0, 20));
    return 'client';
  }
  if (ending === 'half-closes') socket.end();
  if (ending === 'goes silent') await sleep(SILENT_CLIENT_MS);
  if (!isOver() && ending !== 'half-closes' && (ending === 'goes silent' || delivery === 'in turn'))
    socket.write(THE_END);
  return untilHung(socket);
}

/** An exact request in the body of another can leave a connection open and idle, in good order: so it is asked twice. */
async function untilHung(socket: Socket): Promise<'hung'> {
  await untilSilent(socket, SILENCE_MS);
  if (socket.writable) socket.write(THE_END);
  await untilSilent(socket, SECOND_CHANCE_MS);
  return 'hung';
}

function untilSilent(socket: Socket, ms: number): Promise<void> {
  return new Promise((resolve) => {
    // A connection that has ended meanwhile waits for nothing.
    const timer = setTimeout(resolve, ms).unref();
    socket.on('data', () => timer.refresh());
    socket.once('close', () => clearTimeout(timer));
  });
}

function split(requests: readonly Buffer[], random: Random): Buffer[] {
  const all = Buffer.concat(requests);
  const cuts = Array.from({ length: random.between(1, 6) }, () => random.between(0, all.length)).sort(
    (a, b) => a - b,
  );
  return [...cuts, all.length].map((end, at) => all.subarray(cuts[at - 1] ?? 0, end));
}
