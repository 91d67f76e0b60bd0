import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { fetchAnswer, jsonOf, send, type HttpCall } from '../../../test/support/client.js';
import { startRedis, type TestRedis } from '../../../test/support/redis.js';
import { HandWorker } from './testing/hand-worker.js';
import { startTestApi, type TestApi } from './testing/test-api.js';

let redis: TestRedis;
let box: HandWorker;
let api: TestApi;

beforeEach(async () => {
  redis = await startRedis();
  box = new HandWorker({ url: redis.url, prefix: 'drain' }, 'box');
});

afterEach(async () => {
  await api.close();
  await box.close();
  await redis.stop();
});

async function start(drainMs: number): Promise<void> {
  api = await startTestApi({ redis: { url: redis.url, prefix: 'drain' }, drainMs });
}

function chat(stream: boolean, headers = {}): HttpCall {
  return send(`${api.url}/v1/chat/completions`, {
    headers,
    body: { model: 'm', stream, messages: [{ role: 'user', content: 'Hello' }] },
  });
}

const isFirst = ({ text }: { text: string }) => text === '1';

describe('a server that is told to stop', () => {
  it('refuses what is new, finishes what runs, then closes', async () => {
    await start(5_000);
    const running = chat(true);
    const run = await box.next();
    await run.append('data: 1\n\n');
    await running.waitForItem(isFirst, 'the first frame');
    const closed = api.close();

    const refused = await chat(true).answer();
    expect(refused.status).toBe(503);
    expect(refused.headers).toMatchObject({ connection: 'close', 'retry-after': '1' });
    expect(jsonOf(refused)).toMatchObject({ error: { code: 'shutting_down', param: null } });
    const ready = await fetchAnswer(`${api.url}/readyz`);
    expect(ready.status).toBe(503);
    expect(jsonOf(ready)).toMatchObject({ error: { code: 'shutting_down' } });
    expect((await fetchAnswer(`${api.url}/healthz`)).status).toBe(200);

    await run.append('data: 2\n\n');
    await run.complete('data: [DONE]\n\n');
    expect(await running.answer()).toMatchObject({
      text: 'data: 1\n\ndata: 2\n\ndata: [DONE]\n\n',
      whole: true,
    });
    await closed;
    await expect(fetchAnswer(`${api.url}/healthz`)).rejects.toThrow('ECONNREFUSED');
  });

  it('ends what takes too long with a typed error, and cancels it', async () => {
    await start(100);
    const [stream, whole] = [chat(true), chat(false)];
    const runs = [await box.next(), await box.next()];
    for (const run of runs) await run.append('data: 1\n\n');
    await stream.waitForItem(isFirst, 'the first frame');
    await api.close();
    const cut = await stream.answer();
    expect(cut.text).toMatch(/^data: 1\n\ndata: \{"error":\{[^\n]+"code":"stream_interrupted"\}\}\n\n$/);
    expect(cut.whole).toBe(true);
    const refused = await whole.answer();
    expect(refused.status).toBe(503);
    expect(jsonOf(refused)).toMatchObject({ error: { code: 'shutting_down' } });
    for (const run of runs) expect(await run.renew()).toBe('ended');
  });

  it('cancels nothing that is kept, and says where to read on', async () => {
    await start(100);
    const headers = { 'x-spillway-on-disconnect': 'continue' };
    const [stream, whole] = [chat(true, headers), chat(false, headers)];
    const runs = [await box.next(), await box.next()];
    for (const run of runs) await run.append('data: 1\n\n');
    await stream.waitForItem(isFirst, 'the first frame');
    await api.close();
    const told = [await stream.answer(), await whole.answer()];
    expect(told.map(({ status }) => status)).toEqual([200, 502]);
    for (const { text, headers: got } of told) {
      const id = String(got['x-request-id']);
      expect(text).toContain('"code":"stream_interrupted"');
      expect(text).toContain(`the request goes on, read it at /v1/requests/${id}/stream`);
    }
    for (const run of runs) expect(await run.renew()).toBe('ok');
  });
});
