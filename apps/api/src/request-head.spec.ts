import { describe, expect, it } from '@jest/globals';
import { refuseHead, type RequestHead } from './request-head.js';

function headOf(lines: readonly string[], httpVersion = '1.1'): RequestHead {
  const pairs = lines.map((line) => line.split(': ') as [string, string]);
  return {
    rawHeaders: pairs.flat(),
    headers: Object.fromEntries(pairs.map(([k, v]) => [k.toLowerCase(), v])),
    httpVersion,
  };
}

describe('refuseHead', () => {
  it.each([
    [['Host: a']],
    [['Host: A-b_c.example:4100']],
    [['Host: 127.0.0.1:4100']],
    [['Host: [::1]:4100']],
    [['Host: [fe80::1%25eth0]']],
    [['Host: ']],
    [['Host: a', 'Transfer-Encoding: Chunked']],
    [['Host: a', 'Expect: 100-Continue']],
    [['X-Forwarded-Host: b', 'Host: a']],
  ])('takes %j', (lines) => {
    expect(refuseHead(headOf(lines))).toBeUndefined();
  });

  it('takes HTTP/1.0 without a host', () => {
    expect(refuseHead(headOf(['User-Agent: a'], '1.0'))).toBeUndefined();
  });

  it.each([
    ['Host', [], '1.1'],
    ['Host', ['Host: a', 'hOST: a'], '1.1'],
    ['Host', ['Host: a', 'Host: a'], '1.0'],
    ['Host', ['Host: a b'], '1.1'],
    ['Host', ['Host: a,b'], '1.1'],
    ['Host', ['Host: user@a'], '1.1'],
    ['Host', ['Host: a:80:80'], '1.1'],
    ['Host', ['Host: [::1'], '1.1'],
    ['Host', ['Host: \u00e4'], '1.1'],
    ['Transfer-Encoding', ['Host: a', 'Transfer-Encoding: gzip, chunked'], '1.1'],
    ['Transfer-Encoding', ['Host: a', 'Transfer-Encoding: identity'], '1.1'],
    ['Transfer-Encoding', ['Host: a', 'Transfer-Encoding: chunked'], '1.0'],
    ['Expect', ['Host: a', 'Expect: 200-ok'], '1.1'],
  ])('names %s as what is at fault in %j of HTTP/%s', (param, lines, version) => {
    expect(refuseHead(headOf(lines, version))).toMatchObject({ code: 'invalid_value', params: { param } });
  });

  it.each(['0.9', '2.0'])('does not speak HTTP/%s', (version) => {
    expect(refuseHead(headOf(['Host: a'], version))).toMatchObject({ code: 'invalid_value' });
  });

  it('takes a thousand headers, and not one more', () => {
    const lines = Array.from({ length: 999 }, () => 'X-A: b');
    expect(refuseHead(headOf(['Host: a', ...lines]))).toBeUndefined();
    expect(refuseHead(headOf(['Host: a', 'X-A: b', ...lines]))).toMatchObject({ code: 'headers_too_large' });
  });
});
