import type { Random } from '../support/random.js';

/** A request before it is bytes. */
export interface Draft {
  method: string;
  target: string;
  version: string;
  /** Beside those that follow from the body. */
  headers: [name: string, value: string][];
  body: Buffer | undefined;
  framing: 'length' | 'chunked' | 'none';
}

/** The draft as bytes; `random` decides where its chunks begin. */
export function encode(draft: Draft, random: Random): Buffer {
  const { method, target, version, body = Buffer.alloc(0), framing } = draft;
  const headers = [...draft.headers, ...framingHeaders(draft)];
  const lines = [`${method} ${target} ${version}`, ...headers.map(([name, value]) => `${name}: ${value}`)];
  const head = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
  return Buffer.concat(framing === 'chunked' ? [head, ...toChunks(body, random)] : [head, body]);
}

function framingHeaders({ body, framing }: Draft): [string, string][] {
  if (framing === 'chunked') return [['transfer-encoding', 'chunked']];
  return framing === 'length' && body ? [['content-length', String(body.length)]] : [];
}

function toChunks(body: Buffer, random: Random): Buffer[] {
  const parts: Buffer[] = [];
  for (let at = 0; at < body.length;) {
    const length = random.between(1, Math.max(1, Math.ceil(body.length / 3)));
    const chunk = body.subarray(at, at + length);
    parts.push(Buffer.from(`${chunk.length.toString(16)}\r\n`), chunk, Buffer.from('\r\n'));
    at += length;
  }
  return [...parts, Buffer.from('0\r\n\r\n')];
}
