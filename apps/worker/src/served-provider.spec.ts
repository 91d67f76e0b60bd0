import { afterEach, describe, expect, it } from '@jest/globals';
import type { Capabilities } from '#core/capabilities.js';
import type { Run } from '#core/ledger/transitions.js';
import type { Target } from '#core/target.js';
import type { CallEnd, Discovery, Provider, ProviderCall, ProviderFrame } from '#providers/provider.js';
import { ServedProvider } from './served-provider.js';

const served: ServedProvider[] = [];
afterEach(async () => {
  await Promise.all(served.splice(0).map((each) => each.close()));
});

/** An upstream whose answers are given: it stands in for a network, not for code of ours. */
class Told implements Provider {
  next: Discovery = { credential: 'ok' };
  readonly calls: ProviderCall[] = [];

  async *infer(call: ProviderCall): AsyncGenerator<ProviderFrame, CallEnd, void> {
    this.calls.push(call);
    return { ok: true };
  }

  async discover(): Promise<Discovery> {
    return this.next;
  }

  async close(): Promise<void> {}
}

interface Options {
  readonly optional?: boolean;
  readonly models?: readonly string[];
  readonly kind?: string;
  readonly location?: Target['location'];
  readonly capabilities?: Capabilities;
}

function serve(options: Options = {}) {
  const client = new Told();
  const lines: string[] = [];
  const announced: string[] = [];
  const note = (_fields: object, message: string) => void lines.push(message);
  const provider = new ServedProvider({
    ...{ name: 'box', kind: 'openai-compatible', location: 'local', concurrency: 4, ...options },
    timeoutsOf: () => ({ firstTokenMs: 1, idleMs: 1, responseMs: 1 }),
    client,
    log: { info: note, warn: note, error: note },
    announce: () => void announced.push(provider.announcement().credential),
  });
  served.push(provider);
  const look = async (found: Discovery) => {
    client.next = found;
    await provider.look();
  };
  return { provider, client, look, lines, announced };
}

const FOUND: Discovery = { models: ['phi'], credential: 'ok' };

describe('an optional provider', () => {
  it.each<[string, Discovery]>([
    ['nobody answers', { credential: 'ok', away: true }],
    ['something else answers', { credential: 'ok' }],
    ['it has no model', { models: [], credential: 'ok' }],
    ['a broker like this one answers', { ...FOUND, broker: true }],
    ['it loads its model', { ...FOUND, unready: true }],
  ])('is not there while %s', async (_name, found) => {
    const { provider, look } = serve({ optional: true });
    await look(found);
    expect(provider.isPresent).toBe(false);
    await look(FOUND);
    expect(provider.isPresent).toBe(true);
  });

  it('keeps its models while it is away, and says so once', async () => {
    const { provider, look, lines } = serve({ optional: true });
    await look(FOUND);
    expect(provider.announcement()).not.toHaveProperty('reachable');
    await look({ credential: 'ok', away: true });
    await look({ credential: 'ok', away: true });
    expect(provider.isPresent).toBe(true);
    expect(provider.announcement()).toMatchObject({ models: ['phi'], reachable: false });
    await look({ models: ['phi', 'qwen'], credential: 'ok' });
    expect(provider.announcement().models).toEqual(['phi', 'qwen']);
    expect(provider.announcement()).not.toHaveProperty('reachable');
    expect(lines).toEqual(['found a provider', 'the provider is away', 'the provider is back']);
  });

  it('keeps its models while it says that it is not ready, and says so once', async () => {
    const { provider, look, lines } = serve({ optional: true });
    await look(FOUND);
    await look({ ...FOUND, unready: true });
    await look({ ...FOUND, unready: true });
    expect(provider.announcement()).toMatchObject({ models: ['phi'], reachable: false });
    await look(FOUND);
    expect(provider.announcement()).not.toHaveProperty('reachable');
    expect(lines).toEqual(['found a provider', 'the provider is not ready', 'the provider is back']);
  });

  it('is busy, not away, while it is slow', async () => {
    const { provider, look } = serve({ optional: true });
    await look(FOUND);
    await look({ credential: 'ok' });
    expect(provider.announcement()).not.toHaveProperty('reachable');
  });
});

describe('a configured provider', () => {
  it('is there whatever its upstream does', async () => {
    const { provider, look } = serve();
    expect(provider.isPresent).toBe(true);
    await look({ credential: 'ok', away: true });
    expect(provider.announcement()).not.toHaveProperty('reachable');
  });

  it('tells its troubles, once each', async () => {
    const { provider, look, lines } = serve();
    const twice = async (found: Discovery) => {
      await look(found);
      await look(found);
    };
    await twice({ credential: 'ok', away: true });
    expect(provider.announcement().trouble?.reason).toBe('nobody answers at its address');
    await twice({ ...FOUND, unready: true });
    expect(provider.announcement().trouble?.reason).toBe('it says that it is not ready');
    await twice({ credential: 'rejected' });
    await twice(FOUND);
    expect(provider.announcement()).not.toHaveProperty('trouble');
    provider.observe({ category: 'fault', phase: 'headers', code: 'upstream_error', reason: '503' });
    expect(provider.announcement()).toMatchObject({ credential: 'ok', trouble: { reason: '503' } });
    expect(lines).toEqual([
      'the provider fails; told again when it is well',
      'the provider is well again',
      'the provider refuses our credential',
      'the provider takes our credential again',
      'the provider fails; told again when it is well',
    ]);
  });

  it('announces a refused credential at once, and that it is taken again', async () => {
    const { provider, look, announced } = serve();
    const refused = { phase: 'headers', code: 'upstream_credentials_exhausted', reason: '401' } as const;
    for (let n = 0; n < 3; n += 1) provider.observe({ ...refused, category: 'credential' });
    expect(announced).toEqual(['rejected']);
    await look(FOUND);
    expect(announced).toEqual(['rejected', 'ok']);
  });

  it('takes the refusal of its list for a refused credential', async () => {
    const { provider, look } = serve();
    await look({ credential: 'rejected' });
    expect(provider.announcement().credential).toBe('rejected');
    await look(FOUND);
    expect(provider.announcement()).toMatchObject({ credential: 'ok', models: ['phi'] });
  });

  it('does not where its models are configured, since the list may want another credential', async () => {
    const { provider, look } = serve({ models: ['claude'] });
    await look({ credential: 'rejected' });
    expect(provider.announcement()).toMatchObject({ credential: 'ok', models: ['claude'] });
    await look(FOUND);
    expect(provider.announcement().models).toEqual(['claude']);
  });
});

const target: Target = { provider: 'box', model: 'phi', location: 'local' };
const run: Run = {
  ...{ epoch: 1, attempt: 1, start: 1, target: 0, targets: [target], endpoint: 'chat', model: 'm' },
  ...{ application: null, stream: false, includeUsage: false, remainingMs: 1, timeoutMs: 1, trail: [] },
  body: Buffer.from('{}'),
};

it.each([
  ['local', 'cloud', 0],
  ['local', 'local', 1],
  ['cloud', 'local', 1],
  ['cloud', 'cloud', 1],
] as const)('what was planned as %s is called as %s %d times', async (planned, location, calls) => {
  const { provider, client } = serve({ location });
  const call = { request: 'r', run, target: { ...target, location: planned } };
  const end = await provider.infer(call, new AbortController().signal).next();
  expect(client.calls).toHaveLength(calls);
  expect(end).toMatchObject({ done: true, value: { ok: calls === 1 } });
});

describe('the capabilities of a provider', () => {
  const capabilities = { n: 'emulated', tools: false } as const;

  it('are announced where there are any', () => {
    expect(serve({ capabilities }).provider.announcement().capabilities).toBe(capabilities);
    expect(serve().provider.announcement()).not.toHaveProperty('capabilities');
  });

  it('are for a call those that its plan was made by', async () => {
    const { provider, client } = serve({ capabilities });
    const planned = { ...target, capabilities: { developerRole: false } };
    for (const each of [planned, target]) {
      const call = { request: 'r', run, target: each };
      expect((await provider.infer(call, new AbortController().signal).next()).done).toBe(true);
    }
    expect(client.calls.map((call) => call.capabilities)).toEqual([{ developerRole: false }, undefined]);
  });
});

it('tells which models are loaded, to the log when it changes', async () => {
  const { provider, look, lines } = serve();
  await look(FOUND);
  expect(provider.announcement()).not.toHaveProperty('loaded');
  for (const loaded of [['phi'], ['phi'], []]) {
    await look({ ...FOUND, loaded });
    expect(provider.announcement().loaded).toEqual(loaded);
  }
  expect(lines).toEqual(['loaded models of the provider', 'loaded models of the provider']);
});
