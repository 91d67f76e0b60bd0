import { describe, expect, it } from '@jest/globals';
import type { ConfigPath } from '#core/config/problem.js';
import { readYaml } from './read-yaml.js';

const text = `server:
  port: 4100
models:
  llama3.2:
    targets:
      - provider: gpu-box
        model: x
      - { provider: openai, maxQueueWaitMs: 5 }
  gpt: &gpt
    targets: []
  also: *gpt
`;

describe('readYaml', () => {
  it.each<[ConfigPath, number | undefined, number | undefined]>([
    [['server', 'port'], 2, 3],
    [['models', 'llama3.2'], 4, 3],
    [['models', 'llama3.2', 'targets', 0], 6, 9],
    [['models', 'llama3.2', 'targets', 0, 'model'], 7, 9],
    [['models', 'llama3.2', 'targets', 1, 'maxQueueWaitMs'], 8, 29],
    [['models', 'llama3.2', 'targets', 1, 'model'], 8, 9],
    [['models', 'also', 'targets'], 10, 5],
    [['server', 'host'], 1, 1],
    [['redis', 'url'], undefined, undefined],
    [[], undefined, undefined],
  ])('%j stands at %s:%s', (path, line, column) => {
    const { locate, problems, tree } = readYaml(text);
    expect(problems).toEqual([]);
    expect(tree).toMatchObject({ server: { port: 4100 }, models: { also: { targets: [] } } });
    expect(locate(path)).toEqual(line === undefined ? undefined : { line, column });
  });

  it.each([
    ['a duplicate key', 'a: 1\nb: 2\na: 3\n', 3, /the key "a" stands twice/],
    ['a tab', 'a:\n\tb: 1\n', 2, /spaces, not tabs/],
    ['an open quote', 'a: 1\nb: "sk-secret\n', 3, /a closing quote/],
    ['an open brace', 'a: { b: sk-secret\nc: 1\n', 2, /./],
    ['bad indentation', 'a:\n  b: 1\n c: 2\n', 3, /indentation/],
    ['a key in a line with a value', 'a: b: sk-secret\n', 1, /./],
    ['a value that is an alias', 'a: *sk-secret\n', 1, /needs quotes|alias/],
    ['an alias of what holds it', 'a: &a\n  b:\n    - c: *a\n', 3, /part of/],
    ['a list that holds itself', 'a: 1\nb: &b [*b]\n', 2, /part of/],
    ['a value with a tag', 'a: !sk-secret x\n', 1, /tag/],
    ['a value with an at sign', 'a: @sk-secret\n', 1, /needs quotes/],
    ['two documents', 'a: 1\n---\nb: 2\n', 2, /more than one document/],
    ['a bad escape', 'a: "\\q sk-secret"\n', 1, /single quotes/],
  ])('reports %s with its line and without the text', (_name, source, line, message) => {
    const { problems } = readYaml(source);
    expect(problems[0]).toMatchObject({ line, message: expect.stringMatching(message) });
    expect(JSON.stringify(problems)).not.toContain('sk-secret');
  });

  it.each([
    ['a map', 'a: 1\nproviders:\n  b: { kind: x, apiKey: ${SK_SECRET}, c: 1 }\nd: {}\n', [[3, 25]]],
    ['a list', 'a:\n  - [${SK_SECRET}]\nb: { c: 1 }\n', [[2, 6]]],
    ['two in a line', 'a: { b: { x: ${SK_SECRET}, y: ${OTHER} } }\n', [[1, 14]]],
    [
      'two in two lines',
      'a: { b: ${SK_SECRET} }\nc: { d: x${OTHER:-y} }\n',
      [
        [1, 9],
        [2, 10],
      ],
    ],
  ])(
    'reports a variable without quotes in %s once a line, and nothing that follows from it',
    (_, text, places) => {
      const expected = places.map(([line, column]) => ({
        line,
        column,
        message: expect.stringMatching(/quotes: "\$\{NAME\}"/),
      }));
      expect(readYaml(text).problems).toEqual(expected.map((each) => ({ path: '', ...each })));
    },
  );

  it('takes a variable with quotes, or outside of braces, as it is', () => {
    const text = 'a: ${X}\nb: { c: "${X}", d: \'$\', e: "$" }\nf: [\'${X}\', {}] # costs $\n';
    expect(readYaml(text)).toMatchObject({ problems: [], tree: { a: '${X}', b: { c: '${X}' } } });
  });

  it('says the same of a line only once', () => {
    const { problems } = readYaml('a: { b: c }} }} }}\n');
    expect(problems).toHaveLength(1);
  });

  it('takes keys as text, so that a model may be called 4', () => {
    expect(readYaml('models: { 4: x, true: y }').tree).toEqual({ models: { 4: 'x', true: 'y' } });
  });

  it('does not follow aliases that multiply', () => {
    const lines = Array.from(
      { length: 12 },
      (_, n) => `a${n + 1}: &a${n + 1} [${Array(9).fill(`*a${n}`).join()}]`,
    );
    const { problems } = readYaml(['a0: &a0 [x]', ...lines].join('\n'));
    expect(problems).toEqual([{ path: '', message: expect.stringMatching(/alias/) }]);
  });

  it('reads an empty file as nothing', () => {
    expect(readYaml('# nothing yet\n')).toMatchObject({ tree: null, problems: [] });
  });
});
