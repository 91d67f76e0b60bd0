import { describe, expect, it } from '@jest/globals';
import type { ProviderAnnouncement } from './fleet.js';
import { findRoute, listModels, providerLocation, providerNames } from './route.js';
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

function paths(model: string, catalogue: Catalogue): string[] | undefined {
  return findRoute(model, catalogue)?.targets.map(
    ({ provider, model: own, location }) => `${provider}|${own}|${location}`,
  );
}

describe('providers that stand in', () => {
  const cloud = { kind: 'openai-compatible', location: 'cloud' as const };
  const providers = {
    openai: { ...cloud, fallbackModel: 'gpt-4o-mini' },
    groq: { ...cloud, fallbackModel: 'llama-3.1-8b-instant' },
    mistral: cloud,
  };
  const ollama = { location: 'local' as const, models: ['llama3.2:latest'] };

  it('come after the local providers of a model, in the order of the file', () => {
    expect(paths('llama3.2', catalogueOf({ providers }, { ollama }))).toEqual([
      'ollama|llama3.2:latest|local',
      'openai|gpt-4o-mini|cloud',
      'groq|llama-3.1-8b-instant|cloud',
    ]);
  });

  it('come after a cloud provider that has the very model, and only once', () => {
    const announced = { ollama, groq: { models: ['llama3.2'] } };
    expect(paths('llama3.2', catalogueOf({ providers }, announced))).toEqual([
      'ollama|llama3.2:latest|local',
      'groq|llama3.2|cloud',
      'openai|gpt-4o-mini|cloud',
    ]);
  });

  it.each([
    ['a cloud model', 'gpt-4o', ['openai|gpt-4o|cloud']],
    ['a model with the name of its provider', 'ollama/llama3.2', ['ollama|llama3.2:latest|local']],
    ['a configured model', 'own', ['ollama|llama3.2|local']],
    ['a model that nobody has', 'nope', undefined],
  ])('do not for %s', (_name, model, expected) => {
    const models = { own: { targets: [{ provider: 'ollama', model: 'llama3.2' }] } };
    const announced = { ollama, openai: { models: ['gpt-4o'] } };
    expect(paths(model, catalogueOf({ providers, models }, announced))).toEqual(expected);
  });

  it('do not without the setting, nor because a worker says so', () => {
    const announced = { ollama, openai: Object.assign({ models: ['gpt-4o'] }, { fallbackModel: 'gpt-4o' }) };
    expect(paths('llama3.2', catalogueOf({ providers: { openai: cloud } }, announced))).toEqual([
      'ollama|llama3.2:latest|local',
    ]);
  });
});

describe('optional providers', () => {
  const optional = { kind: 'openai-compatible', location: 'local' as const, optional: true };
  const demo = { kind: 'demo', location: 'local' as const, optional: true };

  it('do not exist until a worker announces them', () => {
    const before = catalogueOf({ providers: { ollama: optional } });
    expect(providerNames(before)).toEqual([]);
    expect(providerLocation('ollama', before)).toBeUndefined();
    expect(paths('ollama/phi', before)).toBeUndefined();
    const after = catalogueOf({ providers: { ollama: optional } }, { ollama: { location: 'local' } });
    expect(providerNames(after)).toEqual(['ollama']);
    expect(paths('ollama/phi', after)).toEqual(['ollama|phi|local']);
  });

  it('leave a demo alone in the world, which then answers any name', () => {
    const providers = { ollama: optional, demo };
    const alone = { demo: { kind: 'demo', location: 'local' as const } };
    expect(paths('llama3.2', catalogueOf({ providers }, alone))).toEqual(['demo|demo|local']);
    const both = { ...alone, ollama: { location: 'local' as const, models: ['phi'] } };
    expect(paths('llama3.2', catalogueOf({ providers }, both))).toBeUndefined();
    expect(paths('llama3.2', catalogueOf({ providers }))).toBeUndefined();
  });
});

describe('a provider that is away', () => {
  const away = { location: 'local' as const, models: ['phi'], reachable: false };

  it('keeps its models routable, and listed only where somebody else can answer', () => {
    const alone = catalogueOf({}, { ollama: away });
    expect(paths('phi', alone)).toEqual(['ollama|phi|local']);
    expect(listModels(alone)).toEqual([]);
    const openai = { kind: 'openai-compatible', location: 'cloud' as const, fallbackModel: 'gpt-4o-mini' };
    const helped = catalogueOf({ providers: { openai } }, { ollama: away, openai: {} });
    expect(listModels(helped).map(({ id }) => id)).toEqual(['phi']);
  });
});
