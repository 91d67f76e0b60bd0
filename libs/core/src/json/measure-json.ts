import { CLOSE_BRACE, CLOSE_BRACKET, COLON, COMMA, QUOTE, skipString } from './json-bytes.js';

/** Nesting that a body may have; deeper ones overflow the stacks of recursive parsers further on. */
export const MAX_JSON_DEPTH = 64;

/**
 * Members and elements that a body may have, over all levels. Far above any real request, whose bytes are text; each
 * costs a parser time and many times its bytes of memory, so that 32 MiB of `{}` would block a process for seconds.
 */
export const MAX_JSON_PARTS = 500_000;

/** What can be told of JSON without parsing it. */
export interface JsonMeasure {
  /** The first limit that it exceeds; the rest was not looked at then. */
  readonly exceeds: 'depth' | 'parts' | undefined;
  /** Names of members, over all levels: a parser that finds fewer has met one twice. Exact for valid JSON. */
  readonly names: number;
}

/**
 * Measures JSON in one pass over its bytes. Without recursion, and also safe on bytes that are not valid JSON, so it can
 * be asked before anything parses them.
 */
export function measureJson(
  body: Buffer,
  { maxDepth = MAX_JSON_DEPTH, maxParts = MAX_JSON_PARTS } = {},
): JsonMeasure {
  let depth = 0;
  let parts = 0;
  let names = 0;
  for (let at = 0; at < body.length; at++) {
    const byte = body[at] ?? 0;
    // Nearly all bytes outside of strings are digits and blanks.
    if (MEANS[byte] === 0) continue;
    if (byte === QUOTE) at = skipString(body, at) - 1;
    else if (byte === COLON) names++;
    else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) depth--;
    else {
      if (byte !== COMMA && ++depth > maxDepth) return { exceeds: 'depth', names };
      if (++parts > maxParts) return { exceeds: 'parts', names };
    }
  }
  return { exceeds: undefined, names };
}

/** By byte: 1 for those that mean something to the measure. */
const MEANS = Uint8Array.from({ length: 256 }, (_, byte) =>
  '"{}[]:,'.includes(String.fromCharCode(byte)) ? 1 : 0,
);
