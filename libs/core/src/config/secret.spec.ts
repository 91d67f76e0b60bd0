import { inspect } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { isSecretPath, resolveSecret, SecretRef } from './secret.js';

describe('a secret reference', () => {
  it.each([
    ['sk-plain-text', '[secret]'],
    ['${OPENAI_API_KEY}', '[secret $OPENAI_API_KEY]'],
    ['Bearer ${A}${B:-sk-default}', '[secret $A $B]'],
  ])('shows of %j no more than its variables', (text, shown) => {
    const ref = new SecretRef(text);
    expect([String(ref), JSON.parse(JSON.stringify(ref))]).toEqual([shown, shown]);
    for (const view of [inspect(ref, { showHidden: true, depth: 9 }), JSON.stringify({ ...ref }), `${ref}`]) {
      expect(view).not.toMatch(/sk-|Bearer/);
    }
  });

  it.each([
    ['plain', {}, { kind: 'ok', value: 'plain' }],
    ['${A}', { A: 'x' }, { kind: 'ok', value: 'x' }],
    ['${A}', { A: ' x\n' }, { kind: 'ok', value: 'x' }],
    ['Bearer ${A}', { A: 'x' }, { kind: 'ok', value: 'Bearer x' }],
    ['${A:-d}', {}, { kind: 'ok', value: 'd' }],
    ['$${A}', {}, { kind: 'ok', value: '${A}' }],
    ['${A}', {}, { kind: 'missing', variable: 'A' }],
    ['${A}', { A: '' }, { kind: 'missing', variable: 'A' }],
    ['${A}', { A: ' \n' }, { kind: 'missing', variable: 'A' }],
    ['Bearer ${A}', { A: '' }, { kind: 'missing', variable: 'A' }],
    ['${A}${B}', { A: 'x' }, { kind: 'missing', variable: 'B' }],
    ['${A:-}', {}, { kind: 'missing', variable: 'A' }],
    ['  ', {}, { kind: 'missing', variable: '' }],
    ['${A', {}, { kind: 'missing', variable: '' }],
  ])('%j with %j is %j', (text, env, expected) => {
    expect(resolveSecret(new SecretRef(text), env)).toEqual(expected);
  });

  it.each([
    [['providers', 'p', 'apiKey'], true],
    [['providers', 'p', 'headers', 'x-key'], true],
    [['applications', 'a', 'apiKeys', 0], true],
    [['providers', 'apiKey', 'baseUrl'], false],
    [['providers', 'p', 'baseUrl'], false],
    [['redis', 'url'], false],
    [['models', 'm', 'apiKey'], false],
  ])('%j is a secret place: %s', (path, expected) => {
    expect(isSecretPath(path)).toBe(expected);
  });
});
