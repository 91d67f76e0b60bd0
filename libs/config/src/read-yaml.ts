import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  Lexer,
  LineCounter,
  parseDocument,
  visit,
  type Document,
  type ErrorCode,
} from 'yaml';
import { formatPath, type ConfigPath } from '#core/config/problem.js';

/** From 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

export interface YamlProblem extends Partial<Position> {
  readonly path: string;
  readonly message: string;
}

export interface YamlFile {
  /** Maps, lists, texts, numbers, booleans and null. */
  readonly tree: unknown;
  /** Where a member's name or a list's item stands; for a place that is not there, what would hold it. */
  readonly locate: (path: ConfigPath) => Position | undefined;
  /** Faults of the YAML itself. With any of them the tree is not to be used. */
  readonly problems: readonly YamlProblem[];
}

/** Parses one YAML 1.2 document and keeps the place of everything in it. */
export function readYaml(text: string): YamlFile {
  const lineCounter = new LineCounter();
  // The parser's own excerpts and words may quote a line with a secret in it: only its codes and offsets are used.
  const document = parseDocument(text, {
    lineCounter,
    prettyErrors: false,
    stringKeys: true,
    logLevel: 'error',
  });
  const position = (offset: number): Position => {
    const { line, col } = lineCounter.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const locate = (path: ConfigPath): Position | undefined => {
    const offset = offsetOf(document, path);
    return offset === undefined ? undefined : position(offset);
  };
  const problems = [...document.errors, ...document.warnings].map(({ code, pos }) => ({
    path: '',
    ...position(pos[0]),
    message: syntaxMessage(code, text.slice(pos[0])),
  }));
  problems.push(
    ...faultyAliases(document).map(({ offset, message }) => ({ path: '', ...position(offset), message })),
  );
  if (problems.length > 0) {
    const unquoted = unquotedVariables(text).map((offset) => ({
      path: '',
      ...position(offset),
      message: UNQUOTED_VARIABLE,
    }));
    // What follows one of these is read wrong, so whatever is said of it would mislead.
    return { tree: undefined, locate, problems: oncePerLine(unquoted.length > 0 ? unquoted : problems) };
  }
  try {
    return { tree: document.toJS({ maxAliasCount: 100 }), locate, problems: [] };
  } catch {
    // Thrown for aliases that multiply beyond the limit: a small file could fill the memory.
    return {
      tree: undefined,
      locate,
      problems: [{ path: formatPath([]), message: 'the aliases (*name) stand for too much' }],
    };
  }
}

/** Where `${` stands without quotes inside { } or [ ]: there YAML ends the text at the "{". */
function unquotedVariables(text: string): number[] {
  const offsets: number[] = [];
  let offset = 0;
  let before = '';
  for (const token of new Lexer().lex(text)) {
    if (token === '{' && before.endsWith('$')) offsets.push(offset - 1);
    // A mark of what kind of text follows; the text itself does not hold it.
    const isMark = MARKS.has(token);
    offset += isMark ? 0 : token.length;
    if (!isMark) before = token;
  }
  return offsets;
}

/** Tokens of the lexer's own, which stand for nothing in the file: a document, the end of a broken { }, a text. */
const MARKS = new Set(['\u0002', '\u0018', '\u001f']);

const UNQUOTED_VARIABLE = 'inside { } and [ ] a variable needs quotes: "${NAME}"';

/** One fault often makes the parser stumble several times in its line. */
function oncePerLine(problems: readonly YamlProblem[]): YamlProblem[] {
  return problems.filter(
    ({ line, message }, index) =>
      problems.findIndex((other) => other.line === line && other.message === message) === index,
  );
}

/** Those that stand for nothing, and those that stand for what they are a part of: a tree without an end. */
function faultyAliases(document: Document.Parsed): { offset: number; message: string }[] {
  const faults: { offset: number; message: string }[] = [];
  visit(document, {
    Alias: (_key, alias, ancestors) => {
      const node = alias.resolve(document);
      const offset = alias.range?.[0] ?? 0;
      if (node === undefined) faults.push({ offset, message: SYNTAX_MESSAGES.BAD_ALIAS });
      else if (ancestors.includes(node)) faults.push({ offset, message: CIRCULAR_ALIAS });
    },
  });
  return faults;
}

const CIRCULAR_ALIAS = 'an alias (*name) cannot stand for what it is itself a part of';

function offsetOf(document: Document.Parsed, path: ConfigPath): number | undefined {
  let node: unknown = document.contents;
  let offset: number | undefined;
  for (const step of path) {
    const container = isAlias(node) ? node.resolve(document) : node;
    if (isMap(container)) {
      const pair = container.items.find(({ key }) => (isScalar(key) ? String(key.value) : key) === step);
      if (pair === undefined) return offset;
      offset = startOf(pair.key) ?? offset;
      node = pair.value;
    } else if (isSeq(container) && typeof step === 'number') {
      node = container.items[step];
      offset = startOf(node) ?? offset;
    } else return offset;
  }
  return offset;
}

function startOf(node: unknown): number | undefined {
  return isScalar(node) || isMap(node) || isSeq(node) || isAlias(node) ? node.range?.[0] : undefined;
}

function syntaxMessage(code: ErrorCode, rest: string): string {
  if (code === 'DUPLICATE_KEY') {
    const key = /^["']?([\w.-]{1,64})["']?\s*:/.exec(rest)?.[1];
    return `the key${key === undefined ? '' : ` "${key}"`} stands twice in the same map; remove one of the two`;
  }
  return SYNTAX_MESSAGES[code];
}

const SYNTAX_MESSAGES: Readonly<Record<ErrorCode, string>> = {
  ALIAS_PROPS: 'an alias (*name) cannot have an anchor or a tag; text that starts with "*" needs quotes',
  BAD_ALIAS: 'an alias (*name) is not valid here; text that starts with "*" needs quotes',
  BAD_COLLECTION_TYPE: 'a tag does not fit what it stands before; remove it',
  BAD_DIRECTIVE: 'a line that starts with "%" is a YAML directive, and this one is not known',
  BAD_DQ_ESCAPE: 'in double quotes "\\" starts an escape, and this one is not known; use single quotes',
  BAD_INDENT: 'the indentation does not fit the lines above; members of one map start in the same column',
  BAD_PROP_ORDER: 'an anchor or a tag stands at the wrong place',
  BAD_SCALAR_START: 'text that starts with this character needs quotes',
  BLOCK_AS_IMPLICIT_KEY:
    'a list or map cannot stand in a line that already has "key: value"; check the indentation and quotes',
  BLOCK_IN_FLOW: 'inside { } and [ ] everything must be written in that form',
  DUPLICATE_KEY: 'a key stands twice in the same map',
  IMPOSSIBLE: 'this is not valid YAML',
  KEY_OVER_1024_CHARS: 'a key is longer than 1024 characters; is a ":" or a quote missing?',
  MISSING_CHAR:
    'a character is missing: a closing quote, "}", "]", a "," or the space after ":" or before "#"',
  MULTILINE_IMPLICIT_KEY: 'a key must stand in one line; is a ":" missing, or the indentation wrong?',
  MULTIPLE_ANCHORS: 'only one anchor (&name) may stand here',
  MULTIPLE_DOCS: 'the file holds more than one document ("---"); one is read',
  MULTIPLE_TAGS: 'only one tag (!name) may stand here',
  NON_STRING_KEY: 'a key must be text',
  RESOURCE_EXHAUSTION: 'the file is nested too deeply',
  TAB_AS_INDENT: 'indentation must be spaces, not tabs',
  TAG_RESOLVE_FAILED: 'this tag (!name) is not known; text that starts with "!" needs quotes',
  UNEXPECTED_TOKEN: 'this is not valid YAML here; is a quote, a "," or the indentation wrong?',
};
