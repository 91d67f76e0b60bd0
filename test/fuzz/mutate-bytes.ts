import type { Random } from '../support/random.js';
import { pick } from './base-requests.js';

/** What parsers trip over. */
const MORSELS = [
  '\r\n',
  '\n',
  '\r',
  '\r\n\r\n',
  '\n\n',
  '\0',
  ' ',
  '\t',
  ':',
  ';',
  ',',
  '"',
  '\\',
  '{',
  '}',
  '[',
  ']',
  '\\u',
  '\\ud800',
  '%',
  '%00',
  '0\r\n\r\n',
  'FFFFFFFF\r\n',
  '\xff',
  '\xfe',
  '\xc0\x80',
  '\xed\xa0\x80',
  '\xf4\x90\x80\x80',
  '\xef\xbb\xbf',
  '\x7f',
  '\x1b[2J',
  'Content-Length: 5\r\n',
  'Transfer-Encoding: chunked\r\n',
  'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
].map((text) => Buffer.from(text, 'latin1'));

/** Changes a few bytes anywhere in a request: head, framing and body alike. */
export function mutateBytes(bytes: Buffer, random: Random): Buffer {
  let mutated = Buffer.from(bytes);
  const rounds = random.between(1, 4);
  for (let round = 0; round < rounds && mutated.length > 0; round++) mutated = change(mutated, random);
  return mutated;
}

function change(bytes: Buffer, random: Random): Buffer<ArrayBuffer> {
  const at = random.between(0, bytes.length - 1);
  const end = Math.min(bytes.length, at + random.between(1, 20));
  const [before, behind] = [bytes.subarray(0, at), bytes.subarray(at)];
  switch (random.weighted({ flip: 30, random: 15, insert: 25, drop: 15, repeat: 10, swap: 5 })) {
    case 'flip':
      return Buffer.concat([
        before,
        Buffer.from([(bytes[at] ?? 0) ^ (1 << random.between(0, 7))]),
        bytes.subarray(at + 1),
      ]);
    case 'random':
      return Buffer.concat([before, Buffer.from([random.between(0, 255)]), bytes.subarray(at + 1)]);
    case 'insert':
      return Buffer.concat([before, pick(random, MORSELS), behind]);
    case 'drop':
      return Buffer.concat([before, bytes.subarray(end)]);
    case 'repeat':
      return Buffer.concat([
        before,
        ...Array.from({ length: random.between(1, 50) }, () => bytes.subarray(at, end)),
        behind,
      ]);
    case 'swap':
      return Buffer.concat([before, bytes.subarray(end), bytes.subarray(at, end)]);
  }
}
