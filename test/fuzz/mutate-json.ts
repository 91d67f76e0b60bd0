import type { Random } from '../support/random.js';
import { pick } from './base-requests.js';

type Path = readonly (string | number)[];

/** Members that mean something to the broker, or look as if they did. */
const NAMES = [
  'model',
  'messages',
  'stream',
  'stream_options',
  'n',
  'input',
  'prompt',
  'query',
  'documents',
  'encoding_format',
  'dimensions',
  'spillway',
  'fallbakit',
  'extra_body',
  'base_url',
  'api_key',
  'extra_headers',
  'localModelOnly',
  'fallbackModel',
  'fallbackProvider',
  'max_tokens',
  '__proto__',
  'constructor',
  'toString',
  '',
  ' ',
  '\u0000',
  'ü',
  '🦙',
] as const;

/** JSON texts in place of a value. */
const ODD_VALUES = [
  'null',
  'true',
  'false',
  '0',
  '-0',
  '1',
  '-1',
  '1.5',
  '128',
  '129',
  '1e400',
  '-1e400',
  '1e-400',
  '9007199254740993',
  '123456789012345678901234567890',
  '""',
  '" "',
  '"\\u0000"',
  '"\\ud800"',
  '"\\udc00\\ud800"',
  '"\\ud83e\\udd99"',
  '"\ud83e\udd99"',
  '"\\u2028"',
  '"data: [DONE]\\n\\n"',
  '"demo"',
  '"m"',
  '"gpu/m"',
  '"none"',
  '"sk-0123456789abcdef0123456789"',
  '[]',
  '{}',
  '[[]]',
  '[{}]',
  '[null]',
  '[0]',
  '["a",1]',
  '{"__proto__":{"a":1}}',
  '{"toString":1}',
  '"http://127.0.0.1/"',
  '"../../etc/passwd"',
  '"{\\"a\\":1}"',
] as const;

/** What is not JSON any more, or not for every reader. */
const BROKEN_TEXTS: readonly ((text: string, random: Random) => string)[] = [
  (text) => `\ufeff${text}`,
  (text) => `${text}${text}`,
  (text) => `${text}\u0000`,
  (text) => `[${text}]`,
  (text) => text.replace('{', '{"model":"m",'),
  (text) => text.replace('{', '{"mod\\u0065l":"m",'),
  (text) => text.replaceAll('"', "'"),
  (text) => text.replace(/}$/, ',}'),
  (text) => text.replace(/:/, '='),
  (text) => text.replace(/"[^"]*"/, '"\n"'),
  (text) => `/* comment */${text}`,
  (text) => text.replace(/\d+/, 'NaN'),
  (text, random) => text.slice(0, random.between(0, text.length)),
  (text, random) => '['.repeat(random.between(1, 3_000)) + text,
  (text, random) => `{"a":${'['.repeat(random.between(50, 80))}${']'.repeat(random.between(50, 80))}}`,
  (text) => JSON.stringify(text),
  () => '',
  () => ' ',
  () => 'null',
  () => '0',
  () => '""',
];

/** A body of which a few values, members or characters are others. */
export function mutateJson(body: Buffer, random: Random): Buffer {
  let text = body.toString();
  const rounds = random.between(1, 3);
  for (let round = 0; round < rounds; round++) text = mutateValue(text, random);
  if (random.chance(0.2)) text = pick(random, BROKEN_TEXTS)(text, random);
  return Buffer.from(text);
}

/** Prints the body with another text in the place of one value; the text need not be JSON for every reader. */
function mutateValue(text: string, random: Random): string {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return text;
  }
  const target = pick(random, pathsOf(value));
  return print(value, target, [], random);
}

function print(value: unknown, target: Path, path: Path, random: Random): string {
  if (path.length === target.length && path.every((part, at) => part === target[at]))
    return change(value, random);
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) {
    return `[${value.map((item, at) => print(item, target, [...path, at], random)).join(',')}]`;
  }
  const members = Object.entries(value).map(
    ([name, member]) => `${JSON.stringify(name)}:${print(member, target, [...path, name], random)}`,
  );
  return `{${members.join(',')}}`;
}

function change(value: unknown, random: Random): string {
  const text = JSON.stringify(value);
  switch (random.weighted({ odd: 50, member: 20, twice: 5, gone: 10, long: 3, deep: 3, many: 3, same: 6 })) {
    case 'odd':
      return pick(random, ODD_VALUES);
    case 'member':
      return addMember(text, random);
    case 'twice':
      return text.startsWith('{"')
        ? text.replace(/^\{("(?:[^"\\]|\\.)*":)/, '{$1null,$1')
        : `[${text},${text}]`;
    case 'gone':
      return Array.isArray(value) ? '[]' : 'null';
    case 'long':
      return JSON.stringify(
        pick(random, ['x', '"', '\\', 'ü', '\n', '🦙']).repeat(random.between(100, 20_000)),
      );
    case 'deep':
      return '[{"a":'.repeat(random.between(10, 40)) + text + '}]'.repeat(random.between(10, 40));
    case 'many':
      return `[${Array.from({ length: random.between(50, 3_000) }, () => text.slice(0, 40)).join(',')}]`;
    case 'same':
      return text;
  }
}

function addMember(text: string, random: Random): string {
  const member = `${JSON.stringify(pick(random, NAMES))}:${pick(random, ODD_VALUES)}`;
  if (!text.startsWith('{')) return `{${member}}`;
  return text === '{}' ? `{${member}}` : `{${member},${text.slice(1)}`;
}

function pathsOf(value: unknown, path: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [path];
  const parts: [string | number, unknown][] = Array.isArray(value)
    ? value.map((item, at) => [at, item])
    : Object.entries(value);
  return [path, ...parts.flatMap(([part, item]) => pathsOf(item, [...path, part]))];
}
