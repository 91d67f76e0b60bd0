import { describe, expect, it } from '@jest/globals';
import type { Controls } from './controls.js';
import { mayUse } from './model-access.js';
import { makePlan } from './plan.js';
import { describeModel, listModels, resolveModel, type Catalogue } from './route.js';
import { targetKey } from './target-key.js';
import type { Location } from './target.js';

describe('mayUse', () => {
  it.each<[readonly string[] | undefined, string, boolean]>([
    [undefined, 'anything', true],
    [[], 'anything', false],
    [['llama3.2'], 'llama3.2', true],
    [['llama3.2'], 'llama3.2:latest', false],
    [['llama3.2'], 'gpu/llama3.2', false],
    [['llama3.2'], 'Llama3.2', false],
    [['llama3x2'], 'llama3.2', false],
    [['a', 'b'], 'b', true],
    [['*'], '', true],
    [['gpu/*'], 'gpu/meta/llama', true],
    [['gpu/*'], 'gpu', false],
    [['*-mini'], 'gpt-4o-mini', true],
    [['*-mini'], 'gpt-4o-mini-x', false],
    [['gpt-*-mini'], 'gpt-mini', false],
    [['gpt-*-mini'], 'gpt-4o-mini', true],
    [['a*a'], 'a', false],
    [['a*b*c'], 'a-c-b-c', true],
    [['a*b*c'], 'a-c-b', false],
    [['ab*ba'], 'aba', false],
    [['**'], 'x', true],
  ])('%j for %j: %s', (allowed, model, expected) => {
    expect(mayUse(allowed, model)).toBe(expected);
  });

  it('takes no time to speak of for a name made to be slow', () => {
    expect(mayUse([`${'*a'.repeat(30)}b`], 'a'.repeat(200_000))).toBe(false);
  });
});

const targets = [
  { provider: 'gpu', model: 'llama' },
  { provider: 'openai', model: 'gpt-4o-mini' },
];

function catalogueFor(allowed?: readonly string[]): Catalogue {
  const announce = (name: string, location: Location, models: readonly string[]) =>
    [name, { name, kind: 'openai-compatible', location, concurrency: 1, models, credential: 'ok' }] as const;
  const providers = new Map([
    announce('gpu', 'local', ['llama', 'phi']),
    announce('openai', 'cloud', ['gpt-4o-mini', 'gpt-5']),
    announce('azure', 'cloud', []),
  ]);
  const models = { 'llama3.2': { targets }, 'gpt-4o': { targets: [{ provider: 'azure' }] } };
  return { models, providers: {}, fleet: { providers, unusable: new Set() }, allowed };
}

describe('a caller that may not use everything', () => {
  const idsFor = (...allowed: string[]) => listModels(catalogueFor(allowed)).map(({ id }) => id);

  it('is shown what it may use, each under a name by which it may', () => {
    expect(idsFor('*')).toEqual(listModels(catalogueFor()).map(({ id }) => id));
    expect(idsFor('llama3.2', 'phi')).toEqual(['llama3.2', 'phi']);
    expect(idsFor('gpu/*')).toEqual(['gpu/llama', 'gpu/phi']);
    expect(idsFor('gpt-*')).toEqual(['gpt-4o', 'gpt-4o-mini', 'gpt-5']);
    expect(idsFor('nothing')).toEqual([]);
  });

  it('is refused by the name it asks for, whether there is such a model or not', () => {
    for (const model of ['gpt-5', 'gpu/phi', 'no such thing']) {
      for (const ask of [resolveModel, describeModel])
        expect(() => ask(model, catalogueFor(['phi']))).toThrow(`may not use the model ${model}.`);
    }
    expect(resolveModel('phi', catalogueFor(['phi'])).targets).toHaveLength(1);
  });

  it('is told of no other model where there is none of that name', () => {
    expect(() => resolveModel('phi-9', catalogueFor(['phi*']))).toThrow(/phi-9.*: phi\b(?!,)/s);
  });
});

describe('a plan for a caller that may not use everything', () => {
  const planFor = (controls: Partial<Controls>, ...more: string[]) => {
    const catalogue = catalogueFor(['llama3.2', ...more]);
    const route = resolveModel('llama3.2', catalogue);
    return makePlan({ route, controls: { fallback: true, ...controls }, catalogue }).targets.map(targetKey);
  };

  it('has the whole route of what it may ask for, and its own choice among those targets', () => {
    expect(planFor({})).toEqual(['gpu/llama', 'openai/gpt-4o-mini']);
    expect(planFor({ fallbackProvider: 'openai', fallbackModel: 'gpt-4o-mini' })).toHaveLength(2);
  });

  it.each<[Partial<Controls>, string, string, string]>([
    [{ fallbackProvider: 'azure' }, 'azure/llama3.2', 'fallbackProvider', 'azure/llama3.2'],
    [{ fallbackProvider: 'openai', fallbackModel: 'o1' }, 'openai/o1', 'fallbackProvider', 'openai/o1'],
    [{ fallbackModel: 'gpt-4o' }, 'gpt-4o', 'fallbackModel', 'gpt-4o'],
    [{ fallbackModel: 'o1' }, 'o1', 'fallbackModel', 'openai/o1'],
  ])('falls back to nothing that it may not ask for by name: %j', (controls, name, param, needed) => {
    for (const more of [[], ['o1', 'x']]) {
      const ask = () => planFor(controls, ...more);
      expect(ask).toThrow(`may not use the model ${name}.`);
      expect(ask).toThrow(expect.objectContaining({ params: expect.objectContaining({ param }) }));
    }
    expect(planFor(controls, needed)).toContain('gpu/llama');
  });

  it('tells no model that there is from one that there is not', () => {
    const refusalOf = (model: string, fallbackModel: string, allowed: string[]) => {
      const catalogue = catalogueFor(allowed);
      const route = resolveModel(model, catalogue);
      try {
        return makePlan({ route, controls: { fallback: true, fallbackModel }, catalogue }).targets.map(
          targetKey,
        );
      } catch (error) {
        return String(error).replaceAll(fallbackModel, '<name>');
      }
    };
    for (const [model, ...allowed] of [['llama3.2'], ['phi'], ['llama3.2', 'openai/none']] as const) {
      const [there, not] = ['gpt-5', 'gpt-x'].map((name) => refusalOf(model, name, [model, ...allowed]));
      expect(there).toMatch(/may not use the model <name>\./);
      expect(not).toBe(there);
    }
    expect(refusalOf('llama3.2', 'gpt-5', ['llama3.2', 'openai/*'])).toEqual(['gpu/llama', 'openai/gpt-5']);
  });
});
