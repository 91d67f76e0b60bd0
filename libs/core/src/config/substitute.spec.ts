import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { pathKey } from './problem.js';
import { isSecretPath } from './secret.js';
import { substitute } from './substitute.js';

describe('substitute', () => {
  it('replaces texts at every depth and leaves everything else', () => {
    const tree = { a: '${A}', b: [1, true, null, '${A}-${B:-b}'], c: { d: { e: '$${A}' } } };
    const { tree: result, problems, fromEnvironment } = substitute(tree, { A: 'x' }, () => false);
    expect(result).toEqual({ a: 'x', b: [1, true, null, 'x-b'], c: { d: { e: '${A}' } } });
    expect(problems).toEqual([]);
    expect([...fromEnvironment]).toEqual([pathKey(['a']), pathKey(['b', 3])]);
  });

  it('leaves secrets as references, and still checks their form', () => {
    const tree = {
      providers: { p: { apiKey: '${UNSET}', headers: { 'x-key': 'Bearer ${UNSET}' }, baseUrl: '${URL}' } },
      applications: { web: { apiKeys: ['${UNSET}', 'sk-broken-${UNSET'] } },
    };
    const { tree: result, problems } = substitute(tree, { URL: 'http://x' }, isSecretPath);
    expect(result).toEqual({ ...tree, providers: { p: { ...tree.providers.p, baseUrl: 'http://x' } } });
    expect(problems.map(({ path }) => path)).toEqual([['applications', 'web', 'apiKeys', 1]]);
    expect(JSON.stringify(problems)).not.toContain('sk-broken');
  });

  it('reports each missing variable at its place', () => {
    const { problems } = substitute({ a: ['${X}', '${Y}${Z}'] }, {}, () => false);
    expect(
      problems.map(({ path, message }) => [path, /variable (\w+) is not set/.exec(message)?.[1]]),
    ).toEqual([
      [['a', 0], 'X'],
      [['a', 1], 'Y'],
      [['a', 1], 'Z'],
    ]);
  });

  it.each([['${A}'], ['__proto__'], ['<<']])('reports the name %s', (name) => {
    const tree = Object.fromEntries([[name, { a: 1 }]]);
    expect(substitute({ models: tree }, { A: 'x' }, () => false).problems).toEqual([
      { path: ['models', name], message: expect.any(String) },
    ]);
  });

  it('gives back any tree without variables', () => {
    const { tree: anyTree } = fc.letrec((tie) => ({
      tree: fc.oneof(
        { maxDepth: 4 },
        fc.string().filter((text) => !text.includes('${')),
        fc.integer(),
        fc.boolean(),
        fc.constant(null),
        fc.array(tie('tree'), { maxLength: 4 }),
        fc.dictionary(fc.stringMatching(/^[a-z]{1,5}$/), tie('tree'), { maxKeys: 4, noNullPrototype: true }),
      ),
    }));
    fc.assert(
      fc.property(anyTree, (tree) => {
        expect(substitute(tree, {}, () => false)).toEqual({ tree, problems: [], fromEnvironment: new Set() });
      }),
    );
  });
});
