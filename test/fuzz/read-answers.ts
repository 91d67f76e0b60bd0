/** One answer as it came over a raw connection, a character for each byte. */
export interface RawAnswer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
  /** False where the connection ended in the middle of it. */
  readonly whole: boolean;
}

const HEAD = /^HTTP\/1\.1 (\d{3}) [^\r\n]*\r\n((?:[^\r\n]+\r\n)*)\r\n/;

/** Every answer on a connection, in its order; `rest` is what is none, and should be empty. */
export function readAnswers(received: string): { answers: RawAnswer[]; rest: string } {
  const answers: RawAnswer[] = [];
  let rest = received;
  while (rest !== '') {
    const [head, status, lines] = HEAD.exec(rest) ?? [];
    if (head === undefined || status === undefined) break;
    const headers = readHeaders(lines ?? '');
    const { body, length, whole } = readBody(rest.slice(head.length), Number(status), headers);
    answers.push({ status: Number(status), headers, body, whole });
    rest = rest.slice(head.length + length);
  }
  return { answers, rest };
}

function readHeaders(lines: string): Map<string, string> {
  const pairs = lines.split('\r\n').filter((line) => line !== '');
  return new Map(
    pairs.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
}

interface Body {
  readonly body: string;
  /** Of all that belongs to it on the wire. */
  readonly length: number;
  readonly whole: boolean;
}

function readBody(text: string, status: number, headers: ReadonlyMap<string, string>): Body {
  // An answer to HEAD has the headers of a body and none; no body of ours begins like the next answer, or is nothing.
  const isNone =
    status < 200 || status === 204 || status === 304 || text === '' || text.startsWith('HTTP/1.1 ');
  if (isNone) return { body: '', length: 0, whole: true };
  if (headers.get('transfer-encoding') === 'chunked') return readChunks(text);
  const length = Number(headers.get('content-length') ?? text.length);
  const body = text.slice(0, length);
  return { body, length: body.length, whole: body.length === length };
}

function readChunks(text: string): Body {
  let body = '';
  let at = 0;
  for (;;) {
    const [line, hex = ''] = /^([0-9a-f]+)\r\n/.exec(text.slice(at, at + 20)) ?? [];
    if (line === undefined) return { body, length: text.length, whole: false };
    const size = Number.parseInt(hex, 16);
    const start = at + line.length;
    at = start + size + 2;
    if (at > text.length) return { body: body + text.slice(start), length: text.length, whole: false };
    if (size === 0) return { body, length: at, whole: true };
    body += text.slice(start, start + size);
  }
}
