import type { JsonPath } from './json-path.js';

/** What keeps a text from being one JSON value whose names differ, and where. */
export interface TextFault {
  readonly kind: 'syntax' | 'duplicate';
  /** Of a syntax error, what is wrong; a clause. */
  readonly complaint: string;
  /** Of the value that is not complete, or of the member that is there before. */
  readonly path: JsonPath;
  /** From 1, in characters (UTF-16 units). */
  readonly line: number;
  readonly column: number;
}

/** What may stand behind a backslash, beside `u`. */
const SIMPLE_ESCAPES = new Set('"\\/bfnrt');

interface Cursor {
  readonly text: string;
  at: number;
  readonly path: (string | number)[];
}

/** Carries the fault out of the recursion. */
class Stop extends Error {
  constructor(
    readonly kind: TextFault['kind'],
    readonly complaint: string,
  ) {
    super(complaint);
  }
}

/**
 * The first fault of a text, or undefined where there is none. Reads it all, character by character: for texts that are
 * known to have one, to say where. Recursive: only for what is known not to be deep.
 */
export function findTextFault(text: string): TextFault | undefined {
  const cursor: Cursor = { text, at: 0, path: [] };
  try {
    readValue(cursor);
    skipSpace(cursor);
    if (cursor.at < text.length) throw new Stop('syntax', 'there is something behind the end');
    return undefined;
  } catch (stop) {
    if (!(stop instanceof Stop)) throw stop;
    const { kind, complaint } = stop;
    return { kind, complaint, path: cursor.path, ...placeOf(cursor) };
  }
}

function readValue(cursor: Cursor): void {
  skipSpace(cursor);
  const { text, at } = cursor;
  const first = text[at];
  if (first === '{') return readObject(cursor);
  if (first === '[') return readList(cursor);
  if (first === '"') return void readString(cursor);
  const word = ['true', 'false', 'null'].find((candidate) => text.startsWith(candidate, at));
  if (word !== undefined) cursor.at += word.length;
  else readNumber(cursor);
}

function readObject(cursor: Cursor): void {
  const names = new Set<string>();
  cursor.at++;
  if (take(cursor, '}')) return;
  do {
    skipSpace(cursor);
    if (cursor.text[cursor.at] !== '"') throw new Stop('syntax', 'a name in double quotes is missing');
    const start = cursor.at;
    const name = readString(cursor);
    cursor.path.push(name);
    if (names.has(name)) {
      cursor.at = start;
      throw new Stop('duplicate', '');
    }
    names.add(name);
    if (!take(cursor, ':')) throw new Stop('syntax', 'a colon is missing');
    readValue(cursor);
    cursor.path.pop();
  } while (take(cursor, ','));
  if (!take(cursor, '}')) throw new Stop('syntax', 'a comma or a closing brace is missing');
}

function readList(cursor: Cursor): void {
  cursor.at++;
  if (take(cursor, ']')) return;
  let index = 0;
  do {
    cursor.path.push(index++);
    readValue(cursor);
    cursor.path.pop();
  } while (take(cursor, ','));
  if (!take(cursor, ']')) throw new Stop('syntax', 'a comma or a closing bracket is missing');
}

/** Answers the text of the string, its escapes read. */
function readString(cursor: Cursor): string {
  const { text, at: start } = cursor;
  let hasEscapes = false;
  for (cursor.at++; cursor.at < text.length; cursor.at++) {
    const code = text.charCodeAt(cursor.at);
    if (code === 0x22) {
      const raw = text.slice(start, ++cursor.at);
      return hasEscapes ? String(JSON.parse(raw)) : raw.slice(1, -1);
    }
    if (code < 0x20) throw new Stop('syntax', 'a control character in a string is not escaped');
    if (code !== 0x5c) continue;
    hasEscapes = true;
    skipEscape(cursor);
  }
  throw new Stop('syntax', 'a string is not closed');
}

/** To the last character of the escape. */
function skipEscape(cursor: Cursor): void {
  const { text, at } = cursor;
  const kind = text[at + 1] ?? '';
  const length = kind === 'u' ? 6 : 2;
  const isKnown =
    kind === 'u' ? /^[\da-fA-F]{4}$/.test(text.slice(at + 2, at + 6)) : SIMPLE_ESCAPES.has(kind);
  if (!isKnown) throw new Stop('syntax', 'an escape in a string is not one of JSON');
  cursor.at += length - 1;
}

function readNumber(cursor: Cursor): void {
  const number = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.+-])/y;
  number.lastIndex = cursor.at;
  if (!number.test(cursor.text)) {
    const isNumber = /[-+.\d]/.test(cursor.text[cursor.at] ?? '');
    throw new Stop('syntax', isNumber ? 'a number is malformed' : 'a value is missing');
  }
  cursor.at = number.lastIndex;
}

/** Steps over this character, if it is the next one after white space. */
function take(cursor: Cursor, character: string): boolean {
  skipSpace(cursor);
  if (cursor.text[cursor.at] !== character) return false;
  cursor.at++;
  return true;
}

function skipSpace(cursor: Cursor): void {
  while (isSpace(cursor.text.charCodeAt(cursor.at))) cursor.at++;
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;
}

function placeOf({ text, at }: Cursor): { line: number; column: number } {
  let line = 1;
  let lineStart = 0;
  for (let end = text.indexOf('\n'); end !== -1 && end < at; end = text.indexOf('\n', end + 1)) {
    line++;
    lineStart = end + 1;
  }
  return { line, column: at - lineStart + 1 };
}
