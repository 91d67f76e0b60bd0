/** What stands behind a request that is to be taken for longer, or for shorter, than it is. Answered, it gives itself away. */
export const SMUGGLED = 'GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n';
/** What stands behind a request that is in order: its answer is the last one of the connection. */
export const CLOSING = 'GET /closing HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n';

/** What one answer says: the code of its error, or its status where it is none. */
export type Outcome = string | number;

/** A request as bytes (one character each), and what a server must answer on its connection before it closes it. */
export interface RawCase {
  readonly title: string;
  readonly bytes: string;
  readonly answers: readonly Outcome[];
}

/** It is no request at all, or one of unknown length: one refusal, and nothing behind it is looked at. */
export const REFUSED: readonly Outcome[] = ['invalid_value'];
/** It was in order, and what was to be smuggled is its body, which is not JSON. */
export const IS_BODY: readonly Outcome[] = ['invalid_json', 'closing'];

/** A JSON body that is answered at once. */
export const JSON_BODY = '{"model":"demo","input":"Hello"}';

export function post(headers: readonly string[], body: string): string {
  return request(
    'POST /v1/embeddings HTTP/1.1',
    ['Host: a', 'Content-Type: application/json', ...headers],
    body,
  );
}

export function get(headers: readonly string[], body = ''): string {
  return request('GET /healthz HTTP/1.1', ['Host: a', ...headers], body);
}

export function request(line: string, headers: readonly string[], body = ''): string {
  return `${[line, ...headers].join('\r\n')}\r\n\r\n${body}`;
}

/** One chunk of these bytes, and the end. */
export function chunked(body: string): string {
  return `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
}

/** A case for each, titled by the part of it that is out of order. */
export function eachOf(
  what: string,
  parts: readonly string[],
  toBytes: (part: string) => string,
  answers: readonly Outcome[],
): RawCase[] {
  return parts.map((part) => ({ title: `${what} ${show(part)}`, bytes: toBytes(part), answers }));
}

/** Control characters as escapes; the middle of long texts left out. */
function show(text: string): string {
  const shown = JSON.stringify(text);
  return shown.length <= 70 ? shown : `${shown.slice(0, 40)}… (${text.length} bytes)`;
}
