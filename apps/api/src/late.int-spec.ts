import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '../../../test/support/client.js';
import { startTwoReplicas, type TwoReplicas } from './testing/two-replicas.js';

let replicas: TwoReplicas;

beforeAll(async () => {
  replicas = await startTwoReplicas();
});

afterAll(() => replicas?.stop());

const TIMEOUT_MS = 2_000;
/** When an api gives a request up that nobody says has ended, ms after its acceptance. */
const GIVEN_UP_MS = TIMEOUT_MS + 2_000;

describe('a client that reads an answer past its deadline', () => {
  it('gets all of one that ended in time', async () => {
    const body = JSON.stringify({ model: 'm', stream: true, messages: [{ role: 'user', content: 'Hello' }] });
    const head = [
      'POST /v1/chat/completions HTTP/1.0',
      'authorization: Bearer web-key',
      'content-type: application/json',
      `content-length: ${body.length}`,
      `x-spillway-timeout-ms: ${TIMEOUT_MS}`,
    ];
    const socket = connect(replicas.api.port, '127.0.0.1', () =>
      socket.write(`${head.join('\r\n')}\r\n\r\n${body}`),
    );
    socket.on('error', () => undefined).pause();
    const run = await replicas.box.next();
    const askedAt = performance.now();
    // Far more than the buffers between the two ends of a connection hold.
    const frames = Array.from({ length: 60 }, (_, at) => `data: ${at} ${'x'.repeat(200_000)}\n\n`);
    await Promise.all(frames.map((frame) => run.append(frame)));
    await run.complete('data: [DONE]\n\n');
    expect(performance.now() - askedAt).toBeLessThan(TIMEOUT_MS);
    await eventually(() => performance.now() - askedAt > GIVEN_UP_MS + 500 || undefined, 'its deadline');
    let text = '';
    socket.setEncoding('utf8').on('data', (piece: string) => (text += piece));
    await new Promise((resolve) => socket.once('close', resolve).resume());
    const expected = `${frames.join('')}data: [DONE]\n\n`;
    expect(text.slice(text.indexOf('\r\n\r\n') + 4) === expected).toBe(true);
  });
});
