import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { SpillwayError } from './errors.js';
import type { ProviderAnnouncement } from './fleet.js';
import {
  describeModel,
  findRoute,
  listModels,
  providerLocation,
  providerNames,
  resolveModel,
} from './route.js';
import type { Catalogue } from './route.js';

type Announced = Record<string, Partial<ProviderAnnouncement>>;

function catalogueOf(
  parts: Partial<Pick<Catalogue, 'models' | 'providers'>>,
  announced: Announced = {},
): Catalogue {
  const workers = Object.entries(announced).map(([name, each]): [string, ProviderAnnouncement] => [
    name,
    {
      name,
      kind: 'openai-compatible',
      location: 'cloud',
      concurrency: 1,
      models: [],
      credential: 'ok',
      ...each,
    },
  ]);
  return { models: {}, providers: {}, ...parts, fleet: { providers: new Map(workers), unusable: new Set() } };
}

const configured = {
  providers: {
    'gpu-box': { kind: 'openai-compatible', location: 'local' as const },
    openai: { kind: 'openai-compatible', location: 'cloud' as const },
  },
  models: {
    'llama3.2': {
      targets: [
        {
          provider: 'gpu-box',
          model: 'meta/Llama-3.2',
          maxQueueWaitMs: 5_000,
          contextTokens: 8_000,
          timeouts: { idleMs: 9_000 },
        },
        { provider: 'openai', model: 'gpt-4o-mini', timeouts: {} },
      ],
    },
    'text-embedding-3-small': { targets: [{ provider: 'openai' }] },
    'openai/gpt-4o': { targets: [{ provider: 'gpu-box', model: 'stand-in' }] },
  },
};

function paths(model: string, catalogue: Catalogue): string[] | undefined {
  return findRoute(model, catalogue)?.targets.map(
    ({ provider, model: own, location }) => `${provider}|${own}|${location}`,
  );
}

describe('resolveModel', () => {
  it('finds a configured model with all that its targets declare', () => {
    expect(resolveModel('llama3.2', catalogueOf(configured))).toEqual({
      model: 'llama3.2',
      bareModel: 'llama3.2',
      targets: [
        {
          provider: 'gpu-box',
          model: 'meta/Llama-3.2',
          location: 'local',
          maxQueueWaitMs: 5_000,
          contextTokens: 8_000,
          timeouts: { idleMs: 9_000 },
        },
        { provider: 'openai', model: 'gpt-4o-mini', location: 'cloud' },
      ],
    });
  });

  it('has the wait of the provider where a target sets none, however the model is found', () => {
    const { providers, models } = configured;
    const impatient = {
      'gpu-box': { ...providers['gpu-box'], maxQueueWaitMs: 700 },
      openai: providers.openai,
    };
    const announced = { 'gpu-box': { models: ['phi'], location: 'local' as const } };
    const catalogue = catalogueOf({ providers: impatient, models }, announced);
    const waits = (model: string) =>
      findRoute(model, catalogue)?.targets.map((target) => target.maxQueueWaitMs);
    expect(waits('llama3.2')).toEqual([5_000, undefined]);
    expect(waits('openai/gpt-4o')).toEqual([700]);
    expect(waits('gpu-box/phi')).toEqual([700]);
    expect(waits('phi')).toEqual([700]);
  });

  it('asks a target without a model for the public one', () => {
    expect(paths('text-embedding-3-small', catalogueOf(configured))).toEqual([
      'openai|text-embedding-3-small|cloud',
    ]);
  });

  it('finds <provider>/<model>, the model being all after the first slash', () => {
    const catalogue = catalogueOf(configured, { 'lab-box': { location: 'local' } });
    expect(resolveModel('gpu-box/meta/Llama-3.2', catalogue)).toEqual({
      model: 'gpu-box/meta/Llama-3.2',
      bareModel: 'meta/Llama-3.2',
      targets: [{ provider: 'gpu-box', model: 'meta/Llama-3.2', location: 'local' }],
    });
    expect(paths('lab-box/phi', catalogue)).toEqual(['lab-box|phi|local']);
  });

  it('prefers the exact public id', () => {
    expect(paths('openai/gpt-4o', catalogueOf(configured))).toEqual(['gpu-box|stand-in|local']);
  });

  it('finds what workers announce, local providers first, then in the order of the file', () => {
    const phi = { models: ['phi'] };
    const catalogue = catalogueOf(configured, {
      zeta: { ...phi, location: 'local' },
      openai: phi,
      alpha: phi,
      'gpu-box': { ...phi, location: 'local' },
    });
    expect(paths('phi', catalogue)).toEqual([
      'gpu-box|phi|local',
      'zeta|phi|local',
      'openai|phi|cloud',
      'alpha|phi|cloud',
    ]);
  });

  it('takes the tag that Ollama adds for granted', () => {
    const catalogue = catalogueOf(
      {},
      { ollama: { location: 'local', models: ['llama3.2:latest', 'phi:3b'] } },
    );
    expect(paths('llama3.2', catalogue)).toEqual(['ollama|llama3.2:latest|local']);
    expect(paths('ollama/llama3.2', catalogue)).toEqual(['ollama|llama3.2:latest|local']);
    expect(paths('phi', catalogue)).toBeUndefined();
  });

  it('takes the prefix that Gemini adds for granted', () => {
    const catalogue = catalogueOf({}, { gemini: { models: ['models/gemini-2.5-flash'] } });
    expect(paths('gemini-2.5-flash', catalogue)).toEqual(['gemini|models/gemini-2.5-flash|cloud']);
  });

  it('does not send a model with a provider-like name to a provider that lacks it', () => {
    const local = { 'gpu-box': { location: 'local' as const, models: ['openai/gpt-oss-20b'] } };
    expect(
      paths('openai/gpt-oss-20b', catalogueOf(configured, { ...local, openai: { models: ['gpt-4o'] } })),
    ).toEqual(['gpu-box|openai/gpt-oss-20b|local']);
    expect(paths('openai/gpt-oss-20b', catalogueOf(configured, local))).toEqual(['openai|gpt-oss-20b|cloud']);
  });

  it('answers any model where there is nothing but demo', () => {
    const demo = { providers: { demo: { kind: 'demo', location: 'local' as const } } };
    expect(paths('gpt-4o-mini', catalogueOf(demo))).toEqual(['demo|demo|local']);
    expect(paths('demo-slow', catalogueOf(demo))).toEqual(['demo|demo-slow|local']);
    const announced = { demo: { kind: 'demo', location: 'local' as const, models: ['demo', 'demo-cut'] } };
    expect(paths('anything', catalogueOf({}, announced))).toEqual(['demo|demo|local']);
    expect(paths('gpt-4o-mini', catalogueOf(demo, { ollama: { location: 'local' } }))).toBeUndefined();
    expect(paths('gpt-4o-mini', catalogueOf({}))).toBeUndefined();
  });

  it.each(['nope', 'nobody/x', 'gpu-box/', '/gpu-box', 'constructor', '__proto__', '__proto__/x', ''])(
    'has nothing for %j',
    (model) => expect(() => resolveModel(model, catalogueOf(configured))).toThrow(SpillwayError),
  );

  it('says what there is instead, up to a bound', () => {
    expect(() => resolveModel('nope', catalogueOf(configured))).toThrow(
      'The model nope is not available here. Available: llama3.2, openai/gpt-4o, text-embedding-3-small.',
    );
    const many = Array.from({ length: 25 }, (_, index) => `model-${String(index).padStart(2, '0')}`);
    expect(() => resolveModel('nope', catalogueOf({}, { openai: { models: many } }))).toThrow(
      /model-19 and 5 more\.$/,
    );
    expect(() => resolveModel('nope', catalogueOf({}))).toThrow('none yet');
  });
});

describe('providerLocation', () => {
  it('is cloud when file and workers differ: local is a guarantee', () => {
    const catalogue = catalogueOf(configured, {
      'gpu-box': { location: 'cloud' },
      openai: { location: 'local' },
    });
    expect(providerLocation('gpu-box', catalogue)).toBe('cloud');
    expect(providerLocation('openai', catalogue)).toBe('cloud');
    expect(providerLocation('nobody', catalogue)).toBeUndefined();
    expect(providerLocation('constructor', catalogue)).toBeUndefined();
  });

  it('is cloud for a target whose provider nobody knows', () => {
    const models = { far: { targets: [{ provider: 'elsewhere' }] } };
    expect(paths('far', catalogueOf({ models }))).toEqual(['elsewhere|far|cloud']);
  });
});

describe('listModels', () => {
  it('lists configured models, then announced ones by the shortest name that reaches them', () => {
    const catalogue = catalogueOf(configured, {
      'gpu-box': { location: 'local', models: ['meta/Llama-3.2', 'llama3.2', 'openai/gpt-oss'] },
      openai: { models: ['gpt-4o', 'meta/Llama-3.2'] },
    });
    expect(listModels(catalogue)).toEqual(
      [
        ['llama3.2', 'gpu-box'],
        ['openai/gpt-4o', 'gpu-box'],
        ['text-embedding-3-small', 'openai'],
        ['gpt-4o', 'openai'],
        ['gpu-box/llama3.2', 'gpu-box'],
        ['meta/Llama-3.2', 'gpu-box'],
        ['openai/gpt-oss', 'gpu-box'],
      ].map(([id, owner]) => ({ id, object: 'model', created: 1_767_225_600, owned_by: owner })),
    );
  });

  it('lists the demo models before their worker is there', () => {
    const demo = catalogueOf({ providers: { demo: { kind: 'demo', location: 'local' } } });
    expect(listModels(demo).map(({ id }) => id)).toEqual([
      'demo',
      'demo-slow',
      'demo-fail',
      'demo-429',
      'demo-cut',
    ]);
  });

  it('lists nothing twice, only what resolves, and all that is announced', () => {
    const names = fc.constantFrom('a', 'b', 'a/b', 'b/a', 'a/a/b', 'a:latest', 'c');
    const announced = fc.dictionary(
      fc.constantFrom('a', 'b', 'gpu-box'),
      fc.record({ models: fc.uniqueArray(names) }),
    );
    const models = fc.dictionary(names, fc.constant({ targets: [{ provider: 'openai' }] }));
    fc.assert(
      fc.property(announced, models, (workers, byId) => {
        const catalogue = catalogueOf({ ...configured, models: byId }, workers);
        const ids = listModels(catalogue).map(({ id }) => id);
        expect(new Set(ids).size).toBe(ids.length);
        const reached = ids.flatMap((id) =>
          resolveModel(id, catalogue).targets.map((each) => `${each.provider}|${each.model}`),
        );
        for (const [name, { models: offered }] of Object.entries(workers)) {
          // Where the operator gave even the full name to something else, that is meant.
          const open = offered.filter((model) => !Object.hasOwn(byId, `${name}/${model}`));
          for (const model of open) expect(reached).toContain(`${name}|${model}`);
        }
      }),
    );
  });
});

describe('describeModel', () => {
  it('knows every name that a request may use', () => {
    const catalogue = catalogueOf(configured);
    expect(describeModel('gpu-box/meta/Llama-3.2', catalogue)).toMatchObject({
      id: 'gpu-box/meta/Llama-3.2',
    });
    expect(() => describeModel('nope', catalogue)).toThrow(SpillwayError);
  });
});

describe('providerNames', () => {
  it('has the file’s first, in its order', () => {
    expect(providerNames(catalogueOf(configured, { zeta: {}, alpha: {}, openai: {} }))).toEqual([
      'gpu-box',
      'openai',
      'alpha',
      'zeta',
    ]);
  });
});
