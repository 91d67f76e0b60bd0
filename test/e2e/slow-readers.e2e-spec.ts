import { readFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { contentOf, eventually, fetchAnswer, send } from '../support/client.js';
import { withScene } from '../support/fault-scene.js';
import { promptOf } from '../support/marked-answer.js';
import { answer } from '../support/upstream-behaviours.js';

const TEST_MS = 120_000;
const READERS = 40;
/** How many of them read on in the end. */
const PATIENT = 8;
/** 8 MB: several times what the buffers between the two ends of a connection hold. */
const WORDS = Array.from({ length: 160 }, (_, at) => `${at}${'x'.repeat(50_000)}`).join(' ');
/** What each may cost the api: about the megabyte of the promise. */
const BYTES_PER_READER = 1.5 * 1024 * 1024;
/** What a process may have got for its own use meanwhile. */
const GARBAGE_BYTES = 64 * 1024 * 1024;

/** Resident memory of a process, bytes. */
async function memoryOf(pid: number): Promise<number> {
  const [, kilobytes = ''] = /^VmRSS:\s+(\d+) kB$/m.exec(await readFile(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kilobytes) * 1024;
}

/** Asks for a stream that is there already, and reads nothing of it. */
function follow(url: string, request: string): Socket {
  const { port, hostname } = new URL(url);
  const socket = connect(Number(port), hostname, () => {
    socket.write(`GET /v1/requests/${request}/stream HTTP/1.0\r\nhost: a\r\n\r\n`);
  });
  return socket.on('error', () => undefined).pause();
}

describe('clients that read nothing', () => {
  it(
    'cost the api next to nothing, hold nobody up, and lose nothing when they read on or come back',
    () =>
      withScene({}, async ({ broker, upstream }) => {
        upstream.otherwise(answer(WORDS));
        const { url } = broker;
        const whole = await send(`${url}/v1/chat/completions`, {
          body: { model: 'm', stream: true, messages: [{ role: 'user', content: promptOf('slow') }] },
          headers: { 'x-spillway-on-disconnect': 'continue' },
        }).answer();
        expect(contentOf(whole)).toBe(WORDS);
        const request = String(whole.headers['x-request-id']);
        const pid = broker.apis[0]?.pid ?? 0;
        const before = await memoryOf(pid);
        const sockets: Socket[] = [];
        while (sockets.length < READERS) {
          sockets.push(follow(url, request));
          const isThere = async () => (await inFlight(url)) === sockets.length || undefined;
          await eventually(isThere, `reader ${sockets.length}`);
        }
        // What is held stays; garbage goes, sooner or later, while others are served.
        await eventually(async () => {
          const read = await fetchAnswer(`${url}/v1/requests/${request}/stream`);
          expect(withoutComments(read.text) === withoutComments(whole.text)).toBe(true);
          const held = (await memoryOf(pid)) - before;
          return held < GARBAGE_BYTES + READERS * BYTES_PER_READER || undefined;
        }, 'an api that holds little');
        expect(await inFlight(url)).toBe(READERS);

        const [left, ...others] = sockets;
        for (const socket of others.slice(PATIENT)) socket.destroy();
        const [head, ...texts] = await Promise.all([
          readHead(left),
          ...others.slice(0, PATIENT).map(readAll),
        ]);
        for (const text of texts) expect(withoutComments(text) === withoutComments(whole.text)).toBe(true);
        const rest = await fetchAnswer(
          `${url}/v1/requests/${request}/stream?starting_after=${lastIdOf(head)}`,
        );
        expect(withoutComments(head + rest.text) === withoutComments(whole.text)).toBe(true);
        expect(upstream.calls).toHaveLength(1);
      }),
    TEST_MS,
  );
});

async function inFlight(url: string): Promise<number> {
  const { text } = await fetchAnswer(`${url}/metrics`);
  return Number(/^spillway_requests_in_flight (\d+)$/m.exec(text)?.[1]);
}

/** The body of a response, to its end. */
async function readAll(socket: Socket): Promise<string> {
  let text = '';
  socket.setEncoding('utf8').on('data', (piece: string) => (text += piece));
  socket.resume();
  await new Promise((resolve) => socket.once('close', resolve));
  return text.slice(text.indexOf('\r\n\r\n') + 4);
}

/** What a client has that reads the first two megabytes up to the end of an event, and then leaves. */
async function readHead(socket: Socket | undefined): Promise<string> {
  let text = '';
  const enough = () => text.length > 2_000_000 || undefined;
  socket?.setEncoding('utf8').on('data', (piece: string) => {
    text += piece;
    if (enough()) socket.pause();
  });
  socket?.resume();
  await eventually(enough, 'the first two megabytes');
  socket?.destroy();
  return text.slice(text.indexOf('\r\n\r\n') + 4, text.lastIndexOf('\n\n') + 2);
}

function lastIdOf(text: string): string {
  return [...text.matchAll(/^id: (\S+)$/gm)].at(-1)?.[1] ?? '';
}

function withoutComments(text: string): string {
  return text.replaceAll(/^:.*\n/gm, '');
}
