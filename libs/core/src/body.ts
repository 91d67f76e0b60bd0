/**
 * Edits of a request body in its own bytes. Parsing and printing again would change what the client wrote (large
 * numbers, key order, escapes), so only the members that must differ are touched.
 */

import {
  CLOSE_BRACE,
  CLOSE_BRACKET,
  COLON,
  COMMA,
  OPEN_BRACE,
  OPEN_BRACKET,
  QUOTE,
  skipString,
} from './json/json-bytes.js';

export interface BodyEdit {
  /** Members to replace, or to append where they are missing: name to JSON text. */
  readonly set?: Readonly<Record<string, string>>;
  /** Members to drop; a name that is also in `set` is set. */
  readonly remove?: readonly string[];
}

/**
 * One top-level member. `start` to `end` is everything between the separators around it, its whitespace included;
 * `valueStart` to `valueEnd` is the value alone. Offsets are bytes; ends are exclusive.
 */
interface Member {
  readonly name: string;
  readonly start: number;
  readonly end: number;
  readonly valueStart: number;
  readonly valueEnd: number;
}

interface ObjectScan {
  /** Offset behind the opening brace. */
  readonly start: number;
  /** Offset of the closing brace. */
  readonly end: number;
  readonly members: readonly Member[];
}

/**
 * Sets and removes top-level members of a JSON object. All duplicates of an edited name are edited, so the edit
 * holds whichever of them a reader believes; every other byte stays as it was.
 * Throws a TypeError where `body` is not one JSON object; the values themselves are not validated.
 */
export function rewriteBody(body: Buffer, edit: BodyEdit): Buffer {
  const object = scanObject(body);
  const set = new Map(Object.entries(edit.set ?? {}));
  const removed = new Set(edit.remove);
  const missing = new Map(set);
  const parts: Buffer[] = [body.subarray(0, object.start)];
  const push = (...added: Buffer[]) => {
    if (parts.length > 1) parts.push(Buffer.from(','));
    parts.push(...added);
  };
  for (const member of object.members) {
    const text = set.get(member.name);
    missing.delete(member.name);
    if (text !== undefined) {
      push(
        body.subarray(member.start, member.valueStart),
        Buffer.from(text),
        body.subarray(member.valueEnd, member.end),
      );
    } else if (!removed.has(member.name)) push(body.subarray(member.start, member.end));
  }
  for (const [name, text] of missing) push(Buffer.from(`${JSON.stringify(name)}:${text}`));
  parts.push(body.subarray(object.end));
  return Buffer.concat(parts);
}

/**
 * The elements of a JSON array, each as `edit` has it; the bytes between them stay as they were.
 * Throws a TypeError where `array` is not one JSON array; the elements themselves are not validated.
 */
export function rewriteElements(array: Buffer, edit: (element: Buffer, index: number) => Buffer): Buffer {
  const open = skipWhitespace(array, 0);
  if (array[open] !== OPEN_BRACKET) throw notAnArray();
  const parts: Buffer[] = [];
  let copied = 0;
  let at = skipWhitespace(array, open + 1);
  for (let index = 0; index > 0 || array[at] !== CLOSE_BRACKET; index++) {
    const end = skipValue(array, at);
    if (end === at) throw notAnArray();
    parts.push(array.subarray(copied, at), edit(array.subarray(at, end), index));
    copied = end;
    at = skipWhitespace(array, end);
    if (array[at] === CLOSE_BRACKET) break;
    if (array[at] !== COMMA) throw notAnArray();
    at = skipWhitespace(array, at + 1);
  }
  if (skipWhitespace(array, at + 1) !== array.length) throw notAnArray();
  return Buffer.concat([...parts, array.subarray(copied)]);
}

/**
 * The JSON text of a top-level member, of the last one where it is repeated (as JSON.parse reads it); undefined
 * where there is none. Throws a TypeError where `body` is not one JSON object.
 */
export function readMember(body: Buffer, name: string): string | undefined {
  const member = scanObject(body).members.findLast((candidate) => candidate.name === name);
  return member && body.toString('utf8', member.valueStart, member.valueEnd);
}

function scanObject(body: Buffer): ObjectScan {
  const open = skipWhitespace(body, skipByteOrderMark(body));
  if (body[open] !== OPEN_BRACE) throw notAnObject();
  const start = open + 1;
  const members: Member[] = [];
  let end = skipWhitespace(body, start);
  if (body[end] !== CLOSE_BRACE) {
    for (let at = start; ; at = end + 1) {
      const member = scanMember(body, at);
      members.push(member);
      end = member.end;
      if (body[end] === CLOSE_BRACE) break;
      if (body[end] !== COMMA) throw notAnObject();
    }
  }
  if (skipWhitespace(body, end + 1) !== body.length) throw notAnObject();
  return { start, end, members };
}

function scanMember(body: Buffer, start: number): Member {
  const nameStart = skipWhitespace(body, start);
  if (body[nameStart] !== QUOTE) throw notAnObject();
  const nameEnd = skipString(body, nameStart);
  const colon = skipWhitespace(body, nameEnd);
  if (body[colon] !== COLON) throw notAnObject();
  const valueStart = skipWhitespace(body, colon + 1);
  const valueEnd = skipValue(body, valueStart);
  if (valueEnd === valueStart) throw notAnObject();
  const name = readName(body, nameStart, nameEnd);
  return { name, start, end: skipWhitespace(body, valueEnd), valueStart, valueEnd };
}

/** A name may be written with escapes: `"mod\u0065l"` is `model` for every JSON reader, so it is here too. */
function readName(body: Buffer, start: number, end: number): string {
  const raw = body.toString('utf8', start + 1, end - 1);
  if (!raw.includes('\\')) return raw;
  try {
    return String(JSON.parse(`"${raw}"`));
  } catch {
    throw notAnObject();
  }
}

/** The offset behind the value at `at`. */
function skipValue(body: Buffer, at: number): number {
  const first = body[at];
  if (first === QUOTE) return skipString(body, at);
  if (first === OPEN_BRACE || first === OPEN_BRACKET) return skipNested(body, at);
  while (at < body.length && !endsScalar(body[at])) at++;
  return at;
}

function skipNested(body: Buffer, at: number): number {
  let depth = 0;
  while (at < body.length) {
    const byte = body[at];
    if (byte === QUOTE) {
      at = skipString(body, at);
      continue;
    }
    at++;
    if (byte === OPEN_BRACE || byte === OPEN_BRACKET) depth++;
    else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
      if (--depth === 0) return at;
    }
  }
  throw notAnObject();
}

function skipWhitespace(body: Buffer, at: number): number {
  while (isWhitespace(body[at])) at++;
  return at;
}

function skipByteOrderMark(body: Buffer): number {
  return body[0] === 0xef && body[1] === 0xbb && body[2] === 0xbf ? 3 : 0;
}

function isWhitespace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

function endsScalar(byte: number | undefined): boolean {
  return byte === COMMA || byte === CLOSE_BRACE || byte === CLOSE_BRACKET || isWhitespace(byte);
}

function notAnObject(): TypeError {
  return new TypeError('The body is not one JSON object.');
}

function notAnArray(): TypeError {
  return new TypeError('The text is not one JSON array.');
}
