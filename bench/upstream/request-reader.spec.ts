import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { RequestReader } from './request-reader.js';

function read(pieces: readonly Buffer[]): string[] {
  const told: string[] = [];
  const reader = new RequestReader(({ method, path, body }) =>
    told.push(`${method} ${path} ${body.toString()}`),
  );
  for (const piece of pieces) reader.push(piece);
  return told;
}

const LENGTH = 'POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 7\r\n\r\n{"a":1}';
const CHUNKED =
  'POST /v1/chat/completions HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n3\r\n{"a\r\n4\r\n":1}\r\n0\r\n\r\n';
const MODELS = 'GET /v1/models HTTP/1.1\r\nhost: x\r\n\r\n';

describe('RequestReader', () => {
  it('reads requests one after the other, however they are cut', () => {
    const bytes = Buffer.from(LENGTH + CHUNKED + MODELS + CHUNKED + LENGTH);
    const call = 'POST /v1/chat/completions {"a":1}';
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: bytes.length })), (cuts) => {
        const points = [0, ...cuts.sort((a, b) => a - b), bytes.length];
        const told = read(points.map((point, index) => bytes.subarray(point, points[index + 1])));
        expect(told).toEqual([call, call, 'GET /v1/models ', call, call]);
      }),
    );
  });

  it.each([
    ['a head', 'POST\r\n\r\n'],
    ['the size of a chunk', CHUNKED.replace('\r\n3\r\n', '\r\nx\r\n')],
  ])('throws at bytes that are not %s', (_name, bytes) => {
    expect(() => read([Buffer.from(bytes)])).toThrow(/^no /);
  });
});
