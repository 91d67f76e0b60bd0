/** JSON as bytes: what every reader of it needs that does not parse it. */

export const QUOTE = 0x22;
const BACKSLASH = 0x5c;
export const COMMA = 0x2c;
export const COLON = 0x3a;
export const OPEN_BRACE = 0x7b;
export const CLOSE_BRACE = 0x7d;
export const OPEN_BRACKET = 0x5b;
export const CLOSE_BRACKET = 0x5d;

/** Bytes of a string that are looked at one by one before a search is begun, which costs more than they do. */
const NEAR_BYTES = 32;

/**
 * The offset behind the string that opens at `at`, or the end of the body where it is never closed. Jumps from quote
 * to quote where they are far apart, because a body of megabytes is nearly all strings.
 */
export function skipString(body: Buffer, at: number): number {
  let next = at + 1;
  for (;;) {
    const near = Math.min(next + NEAR_BYTES, body.length);
    while (next < near) {
      const byte = body[next];
      if (byte === QUOTE) return next + 1;
      next += byte === BACKSLASH ? 2 : 1;
    }
    const quote = body.indexOf(QUOTE, next);
    if (quote === -1) return body.length;
    let backslashes = 0;
    while (quote - 1 - backslashes >= next && body[quote - 1 - backslashes] === BACKSLASH) backslashes++;
    next = quote + 1;
    if (backslashes % 2 === 0) return next;
  }
}
