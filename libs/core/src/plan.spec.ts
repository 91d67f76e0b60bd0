import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Controls } from './controls.js';
import type { Endpoint } from './endpoint.js';
import { SpillwayError } from './errors.js';
import type { CredentialState, ProviderAnnouncement } from './fleet.js';
import { makePlan } from './plan.js';
import { readFeatures } from './read-features.js';
import { resolveModel } from './route.js';
import type { Catalogue } from './route.js';
import { targetKey } from './target-key.js';

const providers = {
  'gpu-a': { kind: 'openai-compatible', location: 'local' },
  'gpu-b': { kind: 'openai-compatible', location: 'local' },
  openai: { kind: 'openai-compatible', location: 'cloud' },
  azure: { kind: 'openai-compatible', location: 'cloud' },
} as const;
type Name = keyof typeof providers;

const models = {
  'llama3.2': {
    targets: [
      { provider: 'gpu-a', model: 'llama', maxQueueWaitMs: 5_000 },
      { provider: 'openai', model: 'gpt-4o-mini', contextTokens: 128_000 },
      { provider: 'gpu-b', model: 'llama' },
    ],
  },
  private: { targets: [{ provider: 'gpu-a' }] },
  'gpt-4o': { targets: [{ provider: 'openai' }, { provider: 'azure' }] },
};

const all: Record<Name, CredentialState> = { 'gpu-a': 'ok', 'gpu-b': 'ok', openai: 'ok', azure: 'ok' };

function catalogueOf(
  workers: Partial<Record<Name, CredentialState>> = all,
  unusable: readonly string[] = [],
): Catalogue {
  const announced = Object.entries(workers).map(([name, credential]): [string, ProviderAnnouncement] => [
    name,
    { ...providers[name as Name], name, concurrency: 1, models: [], credential },
  ]);
  return { models, providers, fleet: { providers: new Map(announced), unusable: new Set(unusable) } };
}

function plan(model: string, controls: Partial<Controls> = {}, catalogue = catalogueOf()): string[] {
  const route = resolveModel(model, catalogue);
  return makePlan({ route, controls: { fallback: true, ...controls }, catalogue }).targets.map(targetKey);
}

describe('makePlan by controls', () => {
  it.each<[string, Partial<Controls>, readonly string[]]>([
    ['llama3.2', {}, ['gpu-a/llama', 'openai/gpt-4o-mini', 'gpu-b/llama']],
    ['llama3.2', { only: 'local' }, ['gpu-a/llama', 'gpu-b/llama']],
    ['llama3.2', { only: 'cloud' }, ['openai/gpt-4o-mini']],
    ['llama3.2', { fallback: false }, ['gpu-a/llama']],
    ['llama3.2', { fallback: false, only: 'cloud' }, ['openai/gpt-4o-mini']],
    // The fallback that is named replaces the route's own, after the local targets that it begins with.
    ['llama3.2', { fallbackProvider: 'azure' }, ['gpu-a/llama', 'azure/llama3.2']],
    ['llama3.2', { fallbackProvider: 'azure', fallbackModel: 'gpt-4o' }, ['gpu-a/llama', 'azure/gpt-4o']],
    ['llama3.2', { fallbackProvider: 'openai' }, ['gpu-a/llama', 'openai/gpt-4o-mini']],
    ['llama3.2', { fallbackProvider: 'openai', fallbackModel: 'gpt-4o' }, ['gpu-a/llama', 'openai/gpt-4o']],
    ['llama3.2', { fallbackProvider: 'azure', only: 'cloud' }, ['openai/gpt-4o-mini', 'azure/llama3.2']],
    ['llama3.2', { fallbackProvider: 'gpu-b', only: 'local' }, ['gpu-a/llama', 'gpu-b/llama']],
    ['private', { fallbackProvider: 'azure' }, ['gpu-a/private', 'azure/private']],
    ['private', { fallbackProvider: 'azure', only: 'cloud' }, ['azure/private']],
    ['gpu-a/llama', { fallbackProvider: 'azure' }, ['gpu-a/llama', 'azure/llama']],
    ['gpt-4o', { fallbackProvider: 'azure', fallbackModel: 'x' }, ['openai/gpt-4o', 'azure/x']],
    ['gpt-4o', { fallbackProvider: 'openai' }, ['openai/gpt-4o']],
    // A model by itself: as it is routed here, or from the route's own fallback providers.
    ['llama3.2', { fallbackModel: 'gpt-4o' }, ['gpu-a/llama', 'openai/gpt-4o', 'azure/gpt-4o']],
    ['llama3.2', { fallbackModel: 'azure/o1' }, ['gpu-a/llama', 'azure/o1']],
    ['llama3.2', { fallbackModel: 'gpt-5' }, ['gpu-a/llama', 'openai/gpt-5', 'gpu-b/gpt-5']],
    ['llama3.2', { fallbackModel: 'gpt-5', only: 'local' }, ['gpu-a/llama', 'gpu-b/llama', 'gpu-b/gpt-5']],
    ['private', { fallbackModel: 'gpt-4o' }, ['gpu-a/private', 'openai/gpt-4o', 'azure/gpt-4o']],
  ])('%s with %j', (model, controls, expected) => expect(plan(model, controls)).toEqual(expected));

  it('keeps what the route declares of a target that the caller names', () => {
    const catalogue = catalogueOf();
    const route = resolveModel('llama3.2', catalogue);
    const { targets } = makePlan({
      route,
      controls: { fallback: true, fallbackProvider: 'openai' },
      catalogue,
    });
    expect(targets[1]).toEqual({
      provider: 'openai',
      model: 'gpt-4o-mini',
      location: 'cloud',
      contextTokens: 128_000,
    });
  });

  it.each<[string, Partial<Controls>, string, RegExp]>([
    [
      'llama3.2',
      { fallbackProvider: 'nobody' },
      'fallbackProvider',
      /^There is no provider nobody here; known: gpu-a, gpu-b, openai, azure\.$/,
    ],
    ['llama3.2', { fallbackProvider: 'constructor' }, 'fallbackProvider', /no provider constructor/],
    [
      'llama3.2',
      { only: 'local', fallbackProvider: 'openai' },
      'fallbackProvider',
      /openai is not local, which localModelOnly asks for/,
    ],
    [
      'llama3.2',
      { only: 'cloud', fallbackProvider: 'gpu-b' },
      'fallbackProvider',
      /gpu-b is not cloud, which cloudModelOnly asks for/,
    ],
    ['llama3.2', { only: 'local', fallbackModel: 'gpt-4o' }, 'fallbackModel', /gpt-4o is not local/],
    ['gpt-4o', { only: 'local' }, 'localModelOnly', /gpt-4o has none that is local/],
    ['private', { only: 'cloud' }, 'cloudModelOnly', /private has none that is cloud/],
    [
      'private',
      { fallbackModel: 'gpt-5' },
      'fallbackModel',
      /no model gpt-5 here, and private has no fallback provider/,
    ],
  ])('refuses %s with %j', (model, controls, param, message) => {
    const attempt = (): unknown => plan(model, controls);
    expect(attempt).toThrow(SpillwayError);
    expect(attempt).toThrow(
      expect.objectContaining({ code: 'invalid_value', params: expect.objectContaining({ param }) }),
    );
    expect(attempt).toThrow(message);
  });

  it.each(['missing', 'rejected'] as const)(
    'refuses a fallback provider whose credential is %s at once',
    (state) => {
      const catalogue = catalogueOf({ ...all, azure: state });
      expect(() => plan('llama3.2', { fallbackProvider: 'azure' }, catalogue)).toThrow(
        `The provider azure has no usable credential here: it is ${state}.`,
      );
    },
  );
});

describe('makePlan by what is known of the providers', () => {
  it.each<[string, Partial<Record<Name, CredentialState>>, readonly string[], readonly string[]]>([
    [
      'drops targets without a live worker',
      { openai: 'ok', 'gpu-b': 'ok' },
      [],
      ['openai/gpt-4o-mini', 'gpu-b/llama'],
    ],
    ['keeps all to wait when no worker lives', {}, [], ['gpu-a/llama', 'openai/gpt-4o-mini', 'gpu-b/llama']],
    ['drops what lately lacked the model', all, ['openai/gpt-4o-mini'], ['gpu-a/llama', 'gpu-b/llama']],
    [
      'minds the model, not only the provider',
      all,
      ['openai/gpt-4o'],
      ['gpu-a/llama', 'openai/gpt-4o-mini', 'gpu-b/llama'],
    ],
    ['drops bad credentials', { ...all, openai: 'missing' }, [], ['gpu-a/llama', 'gpu-b/llama']],
    ['prefers waiting to a bad credential', { openai: 'rejected' }, [], ['gpu-a/llama', 'gpu-b/llama']],
    [
      'keeps bad credentials where nothing else is left',
      { openai: 'rejected' },
      ['gpu-a/llama', 'gpu-b/llama'],
      ['openai/gpt-4o-mini'],
    ],
  ])('%s', (_, workers, unusable, expected) => {
    expect(plan('llama3.2', {}, catalogueOf(workers, unusable))).toEqual(expected);
  });

  it('minds the endpoint: who has no embeddings of a model may well have its chat', () => {
    const catalogue = catalogueOf(all, ['embeddings:gpu-a/llama', 'gpu-b/llama']);
    const route = resolveModel('llama3.2', catalogue);
    const planned = (endpoint: Endpoint) =>
      makePlan({
        ...{ route, controls: { fallback: true }, catalogue },
        features: readFeatures(endpoint, {}),
      }).targets.map(targetKey);
    expect(planned('chat')).toEqual(['gpu-a/llama', 'openai/gpt-4o-mini']);
    expect(planned('embeddings')).toEqual(['openai/gpt-4o-mini', 'gpu-b/llama']);
  });

  it('does not turn fallback: false into a fallback', () => {
    expect(plan('llama3.2', { fallback: false }, catalogueOf({ openai: 'ok' }))).toEqual(['gpu-a/llama']);
    const absent = catalogueOf(all, ['gpu-a/llama']);
    expect(() => plan('llama3.2', { fallback: false }, absent)).toThrow(
      'The model llama3.2 is not available here.',
    );
  });

  it('is model_not_found where no provider has the model', () => {
    const attempt = (): unknown => plan('private', {}, catalogueOf(all, ['gpu-a/private']));
    expect(attempt).toThrow(expect.objectContaining({ code: 'model_not_found' }));
  });

  it('is upstream_credentials_exhausted at once where every worker is without its credential', () => {
    const attempt = (): unknown =>
      plan('llama3.2', {}, catalogueOf({ openai: 'missing' }, ['gpu-a/llama', 'gpu-b/llama']));
    expect(attempt).toThrow(expect.objectContaining({ code: 'upstream_credentials_exhausted' }));
  });

  it('is not stopped by a missing credential where another was only rejected', () => {
    const catalogue = catalogueOf({ 'gpu-a': 'missing', 'gpu-b': 'rejected', openai: 'missing' });
    expect(plan('llama3.2', {}, catalogue)).toEqual(['gpu-b/llama']);
  });

  it('is no_provider_available for a route without targets', () => {
    const route = { model: 'x', bareModel: 'x', targets: [] };
    const attempt = (): unknown =>
      makePlan({ route, controls: { fallback: true }, catalogue: catalogueOf() });
    expect(attempt).toThrow(expect.objectContaining({ code: 'no_provider_available' }));
  });
});

describe('makePlan, whatever is asked', () => {
  const states = fc.constantFrom<CredentialState>('ok', 'missing', 'rejected');
  const workers = fc.record(
    { 'gpu-a': states, 'gpu-b': states, openai: states, azure: states },
    { requiredKeys: [] },
  );
  const unusable = fc.subarray([
    'gpu-a/llama',
    'gpu-b/llama',
    'openai/gpt-4o-mini',
    'openai/gpt-4o',
    'azure/gpt-4o',
  ]);
  const controls = fc.record(
    {
      only: fc.constantFrom('local' as const, 'cloud' as const),
      fallback: fc.boolean(),
      fallbackProvider: fc.constantFrom('gpu-a', 'gpu-b', 'openai', 'azure', 'nobody'),
      fallbackModel: fc.constantFrom('gpt-4o', 'llama3.2', 'openai/x', 'gpu-b/x', 'unheard-of'),
    },
    { requiredKeys: ['fallback'] },
  );
  const model = fc.constantFrom('llama3.2', 'private', 'gpt-4o', 'gpu-b/llama', 'openai/gpt-4o');

  it('has targets of the asked location only, none twice, none known absent, one without fallback', () => {
    let planned = 0;
    fc.assert(
      fc.property(model, controls, workers, unusable, (name, asked, alive, absent) => {
        const catalogue = catalogueOf(alive, absent);
        const route = resolveModel(name, catalogue);
        try {
          const { targets } = makePlan({ route, controls: asked, catalogue });
          planned += 1;
          expect(targets.length).toBeGreaterThan(0);
          const places = new Set([
            ...targets.map(({ location }) => location),
            asked.only ?? targets[0]?.location,
          ]);
          expect(asked.only === undefined || places.size === 1).toBe(true);
          expect(asked.fallback || targets.length === 1).toBe(true);
          const keys = targets.map(targetKey);
          expect(new Set(keys).size).toBe(keys.length);
          expect(keys.filter((key) => absent.includes(key))).toEqual([]);
        } catch (error) {
          if (!(error instanceof SpillwayError)) throw error;
        }
      }),
      { numRuns: 500 },
    );
    expect(planned).toBeGreaterThan(50);
  });
});

describe('makePlan while a provider is away', () => {
  const openai = { kind: 'openai-compatible', location: 'cloud', fallbackModel: 'gpt-4o-mini' } as const;

  function planFor(controls: Partial<Controls>, reachable: boolean): string[] {
    const shared = { kind: 'openai-compatible', concurrency: 1, credential: 'ok' } as const;
    const workers: ProviderAnnouncement[] = [
      { ...shared, name: 'ollama', location: 'local', models: ['phi'], reachable },
      { ...shared, name: 'openai', location: 'cloud', models: [] },
    ];
    const fleet = {
      providers: new Map(workers.map((each) => [each.name, each])),
      unusable: new Set<string>(),
    };
    const catalogue: Catalogue = { models: {}, providers: { openai }, fleet };
    return plan('phi', controls, catalogue);
  }

  it.each<[string, Partial<Controls>, boolean, readonly string[]]>([
    ['goes local first', {}, true, ['ollama/phi', 'openai/gpt-4o-mini']],
    ['leaves out who is away', {}, false, ['openai/gpt-4o-mini']],
    ['never leaves the local ones with localModelOnly', { only: 'local' }, false, ['ollama/phi']],
    ['never leaves the first one with fallback: false', { fallback: false }, false, ['ollama/phi']],
  ])('%s', (_name, controls, reachable, expected) => {
    expect(planFor(controls, reachable)).toEqual(expected);
  });
});
