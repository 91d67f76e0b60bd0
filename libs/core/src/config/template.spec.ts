import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parseTemplate, renderTemplate, type Env } from './template.js';

function render(text: string, env: Env = {}): string {
  const template = parseTemplate(text);
  if (!template.ok) throw new Error(template.reason);
  const rendered = renderTemplate(template.parts, env);
  if (!rendered.ok) throw new Error(`missing: ${rendered.missing.join()}`);
  return rendered.value;
}

describe('a text with variables', () => {
  it.each([
    ['${A}', { A: 'x' }, 'x'],
    ['<${A}${B}>', { A: 'x', B: 'y' }, '<xy>'],
    ['${A:-d}', {}, 'd'],
    ['${A:-d}', { A: '' }, 'd'],
    ['${A:-d}', { A: 'x' }, 'x'],
    ['${A:-}', {}, ''],
    ['${A}', { A: '' }, ''],
    ['${URL:-redis://127.0.0.1:6379}', {}, 'redis://127.0.0.1:6379'],
    ['${A:-a $B :- c}', {}, 'a $B :- c'],
    ['$${A}', { A: 'x' }, '${A}'],
    ['$$${A}', { A: 'x' }, '$${A}'],
    ['$A $ {A} } $$', { A: 'x' }, '$A $ {A} } $$'],
    ['${A}', { A: '${B}', B: 'no' }, '${B}'],
  ])('%j with %j is %j', (text, env, expected) => {
    expect(render(text, env)).toBe(expected);
  });

  it.each(['${', 'a ${A', '${}', '${1A}', '${A-b}', '${A:b}', '${A B}', '${ A }', '${A:-${B}}', '${A:-${B'])(
    'refuses %j',
    (text) => {
      expect(parseTemplate(text)).toMatchObject({ ok: false });
    },
  );

  it('names every variable that is missing, once', () => {
    const template = parseTemplate('${B}${A}${B}${C:-c}');
    expect(template.ok && renderTemplate(template.parts, {})).toEqual({ ok: false, missing: ['B', 'A'] });
  });

  it.each(['constructor', 'toString', '__proto__', 'hasOwnProperty'])(
    'does not find %s in the prototype',
    (name) => {
      expect(render(`\${${name}:-unset}`, {})).toBe('unset');
    },
  );
});

describe('properties of the substitution', () => {
  const anyText = fc.string({ unit: fc.constantFrom('$', '{', '}', ':', '-', 'A', ' ', '\n', 'é') });
  const variable = fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_]{0,10}$/);

  it('leaves a text without "${" as it is', () => {
    fc.assert(
      fc.property(
        anyText.filter((text) => !text.includes('${')),
        (text) => render(text) === text,
      ),
    );
  });

  it('gives back any text whose "${" are escaped', () => {
    fc.assert(fc.property(anyText, (text) => render(text.replaceAll('${', () => '$${')) === text));
  });

  it('puts any value in as it is, whatever it holds', () => {
    fc.assert(
      fc.property(anyText, anyText, variable, fc.string(), (before, after, name, value) => {
        const escaped = [before, after].map((text) => text.replaceAll('${', () => '$${'));
        // A `$` right before the reference would escape it; that is the rule, so it is not generated.
        fc.pre(!before.endsWith('$'));
        expect(render(`${escaped[0]}\${${name}}${escaped[1]}`, { [name]: value })).toBe(
          before + value + after,
        );
      }),
    );
  });

  it('takes the default exactly if the value is unset or empty', () => {
    const fallback = fc.string().filter((text) => !text.includes('}') && !text.includes('${'));
    fc.assert(
      fc.property(variable, fallback, fc.option(fc.string(), { nil: undefined }), (name, text, value) => {
        const env = value === undefined ? {} : { [name]: value };
        expect(render(`\${${name}:-${text}}`, env)).toBe(value === undefined || value === '' ? text : value);
      }),
    );
  });
});
