import { z } from 'zod';
import { SecretRef } from './secret.js';
import { didYouMean } from './suggest.js';

/** The building blocks of the configuration schema. Their messages are what an operator reads. */

/** A day: no wait of this broker is meant to be longer, and timers overflow at 24.8 days. */
const MAX_DURATION_MS = 86_400_000;

/** A map with these members only; an unknown one is named together with the known one that was probably meant. */
export function section<Shape extends z.ZodRawShape>(shape: Shape) {
  const known = Object.keys(shape);
  return z.strictObject(shape, {
    // One line per key: `describeIssues` splits them again to give each its own place in the file.
    error: (issue) =>
      issue.code === 'unrecognized_keys'
        ? issue.keys.map((key) => unknownKey(key, known)).join('\n')
        : undefined,
  });
}

function unknownKey(key: string, known: readonly string[]): string {
  const hint = didYouMean(key, known);
  return `unknown key ${JSON.stringify(key)}${hint === '' ? `; the known ones are ${known.join(', ')}` : hint}`;
}

/** A map from names to values. Without a prototype, so that a client's `"model": "constructor"` finds nothing. */
export function namedMap<Value extends z.ZodType>(name: z.ZodType<string, string>, value: Value) {
  return z
    .record(name, value)
    .prefault({})
    .transform((record) => withoutPrototype(record));
}

export function withoutPrototype<Value>(record: Record<string, Value>): Record<string, Value> {
  return Object.assign(Object.create(null) as Record<string, Value>, record);
}

/** A whole number; text of digits is taken too, because a variable's value is always text. */
export function wholeNumber(minimum: number, maximum: number) {
  return z.preprocess(
    (input) => (typeof input === 'string' && /^\s*\d{1,15}\s*$/.test(input) ? Number(input) : input),
    z.int().min(minimum).max(maximum),
  );
}

/** A duration in ms of at least `minimum`. */
export function durationMs(minimum = 1) {
  return wholeNumber(minimum, MAX_DURATION_MS);
}

/** A name that becomes part of queue names, keys and metric labels. */
export const simpleName = z
  .string()
  .regex(
    /^[a-z0-9][a-z0-9._-]{0,63}$/,
    'a name here is 1 to 64 of a-z, 0-9, ".", "_" and "-", and starts with a letter or digit',
  );

/** A model id as clients send it. */
export const modelId = z
  .string()
  .regex(/^[!-~]{1,256}$/, 'a model id is 1 to 256 printable ASCII characters without spaces');

/** Kept as a reference; see `resolveSecret`. */
export const secret = z
  .string()
  .min(1)
  .transform((text) => new SecretRef(text));

/** The root of an OpenAI-compatible API, without a slash at its end. */
export const baseUrl = z
  .string()
  .superRefine((text, context) => {
    const message = baseUrlFault(text);
    if (message !== undefined) context.addIssue({ code: 'custom', message });
  })
  .transform((text) => text.trim().replace(/\/+$/, ''));

/** Never quotes the URL: people put keys into it. */
function baseUrlFault(text: string): string | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:\/\//i.test(text.trim()))
    return 'expected a URL like http://10.0.0.5:8000/v1';
  if (url.username !== '' || url.password !== '')
    return 'no user or password in the URL; use apiKey or headers';
  if (/[?#]/.test(text)) return 'no "?" or "#" in the URL; fixed parameters are not supported';
  if (/\/(chat\/completions|completions|embeddings|responses)\/*$/.test(url.pathname)) {
    return 'give the root of the API, which usually ends in /v1, without the path of an endpoint';
  }
  return undefined;
}

/** `redis://` or `rediss://`. Never quoted in a message: it may hold a password. */
export const redisUrl = z
  .string()
  .refine(
    (text) => /^rediss?:\/\//.test(text) && URL.canParse(text) && new URL(text).hostname !== '',
    'expected a URL like redis://127.0.0.1:6379 or rediss://user:password@host:6380/0',
  );

/** Set by the HTTP client itself; a fixed value would break the request. */
const MANAGED_HEADERS = [
  'host',
  'connection',
  'content-length',
  'content-type',
  'transfer-encoding',
  'te',
  'upgrade',
];

export const headerName = z
  .string()
  .regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, 'not a name that an HTTP header can have')
  .refine((name) => !MANAGED_HEADERS.includes(name.toLowerCase()), 'this header is set by Spillway itself');
