import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Load, Loop, Workload } from './contract.js';
import { LoadProcess } from './load-process.js';
import { UpstreamProcess } from './upstream-process.js';

const SHORT: Loop = { kind: 'closed', concurrency: 8, durationMs: 200 };
const STREAM: Workload = { stream: true, events: 20, gapMs: 0, delayMs: 0 };

let upstream: UpstreamProcess;
let load: LoadProcess;

beforeAll(async () => {
  upstream = await UpstreamProcess.start();
  load = LoadProcess.start();
});

afterAll(async () => {
  await Promise.all([upstream.stop(), load.stop()]);
});

function asked(workload: Workload, loop: Loop, url = `${upstream.url}/chat/completions`): Load {
  return { url, headers: { authorization: 'Bearer key' }, model: 'bench-model', workload, loop };
}

/** Answers every request with these bytes, then hangs up if it is told to. */
async function startLiar(bytes: string, hangsUp: boolean): Promise<{ url: string; stop(): void }> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', () => (hangsUp ? socket.end(bytes) : socket.write(bytes)));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/v1/chat/completions`, stop: () => void server.close() };
}

describe('the load on the upstream itself', () => {
  it.each<[string, Workload]>([
    ['whole answers', { ...STREAM, stream: false }],
    ['streams', STREAM],
    ['paced streams', { ...STREAM, events: 5, gapMs: 10 }],
    ['long prompts', { ...STREAM, promptBytes: 100_000 }],
    ['images', { ...STREAM, stream: false, imageBytes: 1_000_000 }],
  ])('finds every byte of %s right', async (_name, workload) => {
    const before = await upstream.stats();
    const result = await load.run(asked(workload, SHORT));
    const after = await upstream.stats();
    expect(result.wrong).toEqual([]);
    expect(result.wrongCount).toBe(0);
    expect(result.answered).toBeGreaterThanOrEqual(8);
    expect(result.events).toBe(result.answered * workload.events);
    expect(after.calls - before.calls).toBe(result.answered);
    expect(after).toMatchObject({ open: 0, cancelled: before.cancelled });
    expect(result.elapsedMs).toBeGreaterThanOrEqual(200 * 0.9);
    expect(result.firstChunk.p50).toBeGreaterThan(0);
    expect(result.latency.p50).toBeGreaterThanOrEqual(result.firstChunk.p50);
  });

  it('waits as the script says, before the answer and between events', async () => {
    const workload = { ...STREAM, events: 4, gapMs: 30, delayMs: 50 };
    const result = await load.run(asked(workload, { kind: 'burst', requests: 20 }));
    expect(result).toMatchObject({ answered: 20, events: 80, wrong: [] });
    expect(result.firstChunk.p50).toBeGreaterThanOrEqual(49);
    expect(result.latency.p50).toBeGreaterThanOrEqual(49 + 4 * 30);
    expect(result.gap.max).toBeGreaterThanOrEqual(29);
  });

  it('asks a burst at its rate', async () => {
    const result = await load.run(asked(STREAM, { kind: 'burst', requests: 100, perSecond: 500 }));
    expect(result).toMatchObject({ answered: 100, wrong: [] });
    expect(result.elapsedMs).toBeGreaterThanOrEqual(195);
  });

  it('asks at an open rate, however long the answers take', async () => {
    const workload = { ...STREAM, stream: false, delayMs: 300 };
    const result = await load.run(asked(workload, { kind: 'open', perSecond: 200, durationMs: 250 }));
    expect(result).toMatchObject({ answered: 50, wrong: [] });
    expect(result.elapsedMs).toBeLessThan(50 * 300);
  });

  it('leaves streams where it is told to, and the upstream sees it', async () => {
    const before = await upstream.stats();
    const workload = { ...STREAM, gapMs: 10, leaveAfter: 3 };
    const result = await load.run(asked(workload, { kind: 'burst', requests: 30 }));
    expect(result).toMatchObject({ answered: 30, wrong: [] });
    expect(result.events).toBeLessThan(30 * 20);
    let after = await upstream.stats();
    // A hang-up travels beside our question for the figures.
    for (let more = 0; after.open > 0 && more < 100; more++) after = await upstream.stats();
    expect(after.open).toBe(0);
    expect(after.cancelled - before.cancelled).toBe(30);
  });
});

describe('the load on a server that lies', () => {
  const ok = 'HTTP/1.1 200 OK\r\n';
  it.each([
    [
      'answers of somebody else',
      `${ok}content-length: 12\r\n\r\n{"id":"one"}`,
      false,
      'not one whole answer',
    ],
    ['errors', 'HTTP/1.1 503 Busy\r\ncontent-length: 4\r\n\r\nfull', false, '503'],
    ['half answers', `${ok}content-length: 99\r\n\r\n{`, true, 'closed'],
    ['nothing', '', true, 'closed'],
    ['something that is no HTTP', 'hello\r\n\r\n', false, 'no head'],
  ])('tells of %s', async (_name, bytes, hangsUp, told) => {
    const liar = await startLiar(bytes, hangsUp);
    const workload = { ...STREAM, stream: false };
    const result = await load.run(asked(workload, { kind: 'burst', requests: 30 }, liar.url));
    liar.stop();
    expect(result).toMatchObject({ answered: 0, wrongCount: 30 });
    expect(result.wrong).toHaveLength(20);
    for (const wrong of result.wrong) expect(wrong).toContain(told);
  });

  it('does not begin where nobody listens', async () => {
    const liar = await startLiar('', true);
    liar.stop();
    await expect(load.run(asked(STREAM, SHORT, liar.url))).rejects.toThrow('ECONNREFUSED');
  });
});
