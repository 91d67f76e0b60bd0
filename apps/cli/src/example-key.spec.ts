import { describe, expect, it } from '@jest/globals';
import { parseConfig } from '#core/config/parse-config.js';
import { exampleKey } from './example-key.js';

function keyOf(apiKey: string, env: Record<string, string>, shell: readonly string[] = Object.keys(env)) {
  const tree = {
    applications: { web: { apiKeys: [apiKey, 'other-key-of-web'] }, later: { apiKeys: ['x'] } },
  };
  const parsed = parseConfig(tree, env);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return exampleKey(parsed.config, env, (name) => shell.includes(name));
}

describe('exampleKey', () => {
  it('is named by the variable that it comes from', () => {
    expect(keyOf('${WEB_KEY}', { WEB_KEY: 'k\n' })).toEqual({ value: 'k', variable: 'WEB_KEY' });
  });

  it('says where the variable is, if the shell does not have it', () => {
    const key = keyOf('${WEB_KEY}', { WEB_KEY: 'k' }, []);
    expect(key).toMatchObject({ variable: 'WEB_KEY', hint: expect.stringMatching(/\.env/) });
  });

  it.each([
    ['in clear', 'plain-text-key'],
    ['with a default', '${WEB_KEY:-a-default-key}'],
    ['made of parts', 'key-${PART}'],
  ])('has another name where it stands %s in the file, and no hint shows it', (_, text) => {
    const key = keyOf(text, { PART: 'x' });
    expect(key).toMatchObject({ variable: 'SPILLWAY_API_KEY', hint: expect.stringMatching(/"web"/) });
    expect(key?.hint).not.toContain(key?.value);
    expect(keyOf(text, { PART: 'x', SPILLWAY_API_KEY: key?.value ?? '' })?.hint).toBeUndefined();
    expect(keyOf(text, { PART: 'x', SPILLWAY_API_KEY: 'another' })?.hint).toBeDefined();
  });

  it('is none where none is set, or none is needed', () => {
    expect(keyOf('${WEB_KEY}', {})).toBeUndefined();
    expect(exampleKey({ applications: {} }, {}, () => true)).toBeUndefined();
  });
});
