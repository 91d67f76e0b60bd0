import { describe, expect, it } from '@jest/globals';
import { parseConfig } from '#core/config/parse-config.js';
import type { Config } from '#core/config/schema.js';
import { chooseModel } from './choose-model.js';

const openai = {
  kind: 'openai-compatible',
  location: 'cloud',
  baseUrl: 'http://a/v1',
  fallbackModel: 'gpt-4o-mini',
};
const ollama = { kind: 'openai-compatible', location: 'local', baseUrl: 'http://b/v1' };

function configOf(tree: object): Config {
  const parsed = parseConfig(tree, {});
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return parsed.config;
}

describe('chooseModel', () => {
  const cards = [
    { id: 'babbage-002', owned_by: 'openai' },
    { id: 'gpt-4o-mini', owned_by: 'openai' },
    { id: 'nomic-embed-text:latest', owned_by: 'ollama' },
    { id: 'phi', owned_by: 'ollama' },
  ];
  const models = { own: { targets: [{ provider: 'openai', model: 'x' }] } };
  const home = { targets: [{ provider: 'ollama', model: 'x' }, { provider: 'openai' }] };

  it.each([
    [
      'a configured one that begins at home',
      { models: { ...models, home } },
      [{ id: 'own', owned_by: 'openai' }, ...cards, { id: 'home', owned_by: 'ollama' }],
      'home',
    ],
    ['a local one that can chat', { models }, [{ id: 'own', owned_by: 'openai' }, ...cards], 'phi'],
    ['a configured one', { models }, [...cards.slice(0, 2), { id: 'own', owned_by: 'openai' }], 'own'],
    ['what the account stands in with', {}, cards.slice(0, 2), 'gpt-4o-mini'],
    ['the same by its long name while no list is there', {}, [], 'openai/gpt-4o-mini'],
  ])('takes %s', (_name, extra, listed, expected) => {
    expect(chooseModel(listed, configOf({ providers: { openai, ollama }, ...extra }))).toBe(expected);
  });

  it('takes any, or none', () => {
    const { fallbackModel: _, ...plain } = openai;
    const config = configOf({ providers: { openai: plain } });
    expect(chooseModel(cards, config)).toBe('babbage-002');
    expect(chooseModel([], config)).toBeUndefined();
  });
});
