import type { ResponseHeaders } from './exchange.js';

/** How a provider lets us in, its secrets resolved. */
export interface Credentials {
  /** Sent as a bearer token. Absent: no `authorization` at all. */
  readonly apiKey?: string | undefined;
  /** Fixed request headers; they win over our own, but cannot change how the body is framed. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** Headers that would contradict how the request is framed or the answer is read. */
const FIXED_HEADERS =
  /^(accept-encoding|connection|content-length|content-type|expect|keep-alive|transfer-encoding|upgrade)$/;

/** Shorter header values are no secrets, and taking them out would garble the words. */
const MIN_SECRET_LENGTH = 8;

/** What is sent with every call; the fixed headers win over our own. */
export function buildHeaders({ apiKey, headers }: Credentials): Readonly<Record<string, string>> {
  const fixed = Object.entries(headers ?? {}).map(([name, value]) => [name.toLowerCase(), value] as const);
  return {
    'accept-encoding': 'identity',
    'user-agent': 'spillway',
    ...(apiKey !== undefined && { authorization: `Bearer ${apiKey}` }),
    ...Object.fromEntries(fixed.filter(([name]) => !FIXED_HEADERS.test(name))),
  };
}

/** What must not appear in the words of an error. */
export function findSecrets({ apiKey, headers }: Credentials): readonly string[] {
  const words = Object.values(headers ?? {}).flatMap((value) => value.split(/\s+/));
  const secrets = [...(apiKey ? [apiKey] : []), ...words.filter((word) => word.length >= MIN_SECRET_LENGTH)];
  // Longest first, or a secret that contains another would be left half.
  return secrets.toSorted((a, b) => b.length - a.length);
}

/** `application/json` and the like, in lower case and without parameters. */
export function mediaType(headers: ResponseHeaders): string | undefined {
  const header = headers['content-type'];
  return (Array.isArray(header) ? header[0] : header)?.split(';')[0]?.trim().toLowerCase();
}
