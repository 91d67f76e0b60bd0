import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { collectCall, type CollectOptions } from '../../../../test/support/collect-call.js';
import { hang } from '../../../../test/support/upstream-behaviours.js';
import { createGate, type Gate } from '../../../../test/support/upstream-gate.js';
import { ollamaAnswer } from '../../../../test/support/wire/ollama-answers.js';
import { startOllama, type OllamaWire } from '../../../../test/support/wire/ollama.js';
import { OllamaProvider, type OllamaOptions } from './ollama-provider.js';

let wire: OllamaWire;
let provider: OllamaProvider;
let lines: { readonly message: string; readonly fields: object }[];

function serve(options: Partial<OllamaOptions> = {}): OllamaProvider {
  const note = (fields: object, message: string) => void lines.push({ fields, message });
  const log = { info: note, warn: note };
  return new OllamaProvider({ name: 'box', baseUrl: wire.baseUrl, location: 'local', log, ...options });
}

beforeEach(async () => {
  lines = [];
  wire = await startOllama({});
  wire.otherwise(ollamaAnswer('Hello'));
});
afterEach(async () => {
  await provider.close();
  await wire.close();
});

/** 100 ms for the first output where nothing else is said. */
const collect = ({ timeouts, ...options }: CollectOptions = {}) =>
  collectCall(provider, {
    model: 'big',
    timeouts: { firstTokenMs: 100, idleMs: 5_000, responseMs: 5_000, ...timeouts },
    ...options,
  });

const TIMED_OUT = { ok: false, aborted: false, facts: { kind: 'timeout', timer: 'first_token' } };

describe('a model that is not loaded', () => {
  let gate: Gate;
  beforeEach(() => {
    gate = createGate();
    wire.add('big', { loadGate: gate });
  });

  it('has the time of a cold start for its first output', async () => {
    provider = serve({ coldStartMs: 5_000 });
    const call = collect();
    await wire.waitForCall(1);
    setTimeout(() => gate.open(), 300);
    const { content, end } = await call;
    expect([content, end.ok]).toEqual(['Hello', true]);
  });

  it('has no more time than that', async () => {
    provider = serve({ coldStartMs: 200 });
    const startedAt = performance.now();
    expect(
      (await collect({ timeouts: { firstTokenMs: 60_000, idleMs: 1, responseMs: 1 } })).end,
    ).toMatchObject(TIMED_OUT);
    expect(performance.now() - startedAt).toBeLessThan(5_000);
  });

  it('has that time for every call that waits for it, though Ollama lists it already', async () => {
    provider = serve({ coldStartMs: 5_000 });
    const first = collect();
    await wire.waitForCall(1);
    const second = collect();
    await wire.waitForCall(2);
    setTimeout(() => gate.open(), 300);
    expect((await Promise.all([first, second])).map(({ end }) => end.ok)).toEqual([true, true]);
  });

  it('has the usual time once it is loaded, and more again after it was unloaded', async () => {
    provider = serve({ coldStartMs: 5_000 });
    gate.open();
    expect((await collect()).end.ok).toBe(true);
    await provider.discover(new AbortController().signal);
    wire.script(hang());
    expect((await collect()).end).toMatchObject(TIMED_OUT);
    wire.unload('big');
    const again = createGate();
    wire.add('big', { loadGate: again });
    await provider.discover(new AbortController().signal);
    setTimeout(() => again.open(), 300);
    expect((await collect()).end.ok).toBe(true);
  });

  it('is not waited for beyond its time where nobody says what is loaded', async () => {
    wire.psBehaviour = hang();
    provider = serve({ coldStartMs: 1_500 });
    const startedAt = performance.now();
    expect((await collect()).end).toMatchObject(TIMED_OUT);
    expect(performance.now() - startedAt).toBeLessThan(4_000);
  });
});

describe('a model that is missing', () => {
  it('is one that this provider does not have', async () => {
    provider = serve();
    const { end } = await collect({ model: 'none' });
    expect(end).toMatchObject({
      ok: false,
      phase: 'headers',
      facts: { status: 404, message: "model 'none' not found" },
    });
    expect(wire.pulls).toEqual([]);
  });

  it('is pulled once for all who wait for it, and then answers', async () => {
    provider = serve({ pull: true, coldStartMs: 5_000 });
    wire.library.set('new', {});
    wire.pullGate = createGate();
    const calls = [collect({ model: 'new' }), collect({ model: 'new', stream: false })];
    await wire.waitForCall(2);
    await wire.waitForPull(1);
    wire.pullGate.open();
    expect((await Promise.all(calls)).map(({ content }) => content)).toEqual(['Hello', 'Hello']);
    expect(wire.pulls).toEqual(['new']);
    const about = { provider: 'box', model: 'new' };
    expect(lines).toEqual([
      { fields: about, message: 'pulling a model that is asked for' },
      { fields: about, message: 'the model is there' },
    ]);
  });

  it('is waited for no longer than for a first output; the pull goes on', async () => {
    provider = serve({ pull: true, coldStartMs: 300 });
    wire.library.set('new', {});
    wire.pullGate = createGate();
    expect((await collect({ model: 'new' })).end).toEqual({
      ...{ ok: false, aborted: false, phase: 'headers' },
      facts: { kind: 'preparing', reason: 'the model is being pulled', retryAfterMs: 5_000 },
    });
    wire.pullGate.open();
    expect((await collect({ model: 'new' })).content).toBe('Hello');
    expect(wire.pulls).toEqual(['new']);
  });

  it('is not waited for by a call that is given up', async () => {
    provider = serve({ pull: true });
    wire.library.set('new', {});
    wire.pullGate = createGate();
    const stop = new AbortController();
    const call = collect({ model: 'new', signal: stop.signal });
    await wire.waitForPull(1);
    stop.abort();
    expect((await call).end).toEqual({ ok: false, aborted: true, phase: 'headers' });
  });

  it('is one that nobody has, where the pull says so', async () => {
    provider = serve({ pull: true });
    const { end } = await collect({ model: 'none' });
    expect(end).toMatchObject({ ok: false, facts: { kind: 'status', status: 404 } });
    expect(lines.at(-1)).toEqual({
      fields: { provider: 'box', model: 'none', why: '404' },
      message: 'the model could not be pulled',
    });
  });

  it.each<[boolean | string[], string, boolean]>([
    [false, 'new', false],
    [true, 'new', true],
    [true, 'elsewhere.example/new', false],
    [['new:latest'], 'new', true],
    [['elsewhere.example/new'], 'elsewhere.example/new', true],
    [['other'], 'new', false],
  ])('with pull: %j, %s is pulled: %s', async (pull, model, isPulled) => {
    provider = serve({ pull });
    wire.library.set(model, {});
    expect((await collect({ model })).end.ok).toBe(isPulled);
    expect(wire.pulls).toEqual(isPulled ? [model] : []);
  });
});
