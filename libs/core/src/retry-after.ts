/** The longest wait that an upstream is believed, ms. */
export const MAX_RETRY_AFTER_MS = 300_000;

/** Response headers with lower-case names; a repeated one may be a list. */
export type HeaderRecord = Readonly<Record<string, string | readonly string[] | undefined>>;

/**
 * How long the upstream asks us to stay away, in ms from now, clamped to 0..300 000. Reads `retry-after-ms`, then
 * `retry-after` in seconds (fractions too) or as an HTTP date. Undefined where it says nothing, or nothing sane.
 */
export function retryAfterMs(headers: HeaderRecord, nowMs: number): number | undefined {
  const ms = parseNumber(firstValue(headers['retry-after-ms']));
  if (ms !== undefined) return clamp(ms);
  const text = firstValue(headers['retry-after']);
  const seconds = parseNumber(text);
  if (seconds !== undefined) return clamp(seconds * 1000);
  const at = parseHttpDate(text);
  return at === undefined ? undefined : clamp(at - nowMs);
}

function firstValue(value: string | readonly string[] | undefined): string {
  return ((typeof value === 'string' ? value : value?.[0]) ?? '').trim();
}

/** Plain decimals only: `Number` would also take `0x10`, `1e9` and the empty string. */
function parseNumber(text: string): number | undefined {
  return /^\d+(\.\d+)?$/.test(text) ? Number(text) : undefined;
}

const IMF_DATE = /^[a-z]{3}, \d{2} [a-z]{3} \d{4} \d{2}:\d{2}:\d{2} GMT$/i;
const RFC_850_DATE = /^[a-z]{6,9}, \d{2}-[a-z]{3}-\d{2} \d{2}:\d{2}:\d{2} GMT$/i;
const ASCTIME_DATE = /^[a-z]{3} [a-z]{3} [ \d]\d \d{2}:\d{2}:\d{2} \d{4}$/i;

/** The three forms of RFC 9110. `Date.parse` alone would make a date of nearly anything, `-5` included. */
function parseHttpDate(text: string): number | undefined {
  const isDate = IMF_DATE.test(text) || RFC_850_DATE.test(text);
  if (!isDate && !ASCTIME_DATE.test(text)) return undefined;
  // The asctime form names no zone and means GMT; without one it would be read as local time.
  const at = Date.parse(isDate ? text : `${text} GMT`);
  return Number.isNaN(at) ? undefined : at;
}

function clamp(ms: number): number {
  return Math.min(Math.max(0, Math.round(ms)), MAX_RETRY_AFTER_MS);
}
