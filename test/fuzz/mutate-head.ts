import type { Random } from '../support/random.js';
import { pick } from './base-requests.js';
import type { Draft } from './draft.js';

const METHODS = [
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'OPTIONS',
  'TRACE',
  'CONNECT',
  'PROPFIND',
  'QUERY',
  'get',
  'FOO',
  'P\u00d6ST',
  '',
];

const TARGETS = [
  '/',
  '*',
  '',
  '//',
  '/.',
  '/..',
  '/v1',
  '/v1/',
  '/v1//models',
  '/v1/models/',
  '/v1/models/%00',
  '/v1/models/%zz',
  '/v1/models/%',
  '/v1/models/m%2fm',
  '/v1/models/..%2f..%2fetc',
  '/v1/requests/',
  '/v1/requests/x',
  '/v1/requests/req_0_',
  '/v1/requests/req_99999999_01M80BZ519P2W0Z568QXGKCPT5',
  '/v1/requests/%2e%2e',
  '/v1/requests/__proto__',
  '/v1/requests/req_0_01M80BZ519P2W0Z568QXGKCPT5%0d%0a',
  '/docs/..%2fpackage.json',
  '/docs/%2e%2e%2f%2e%2e%2fmain.js',
  '/docs/nothing',
  '/docs/',
  '/openapi.json/',
  'http://a/healthz',
  'http://',
  'http://a',
  'ftp://a/healthz',
  'a:80',
  '/\u00e9',
  '/healthz#a',
  '/\\',
  '/healthz;a',
];

const QUERIES = [
  '?',
  '?a',
  '?a=b&a=c',
  '?starting_after=',
  '?starting_after=1-1.1',
  '?starting_after=-1',
  '?starting_after=a&starting_after=b',
  '?%',
  '?%00',
  '?__proto__=1',
  '?a[b]=c',
  '?\u00e9',
  '??',
  `?${'a=b&'.repeat(500)}`,
];

/** Headers that are read somewhere, and those that a server is told lies with. */
const HEADER_NAMES = [
  'host',
  'content-type',
  'content-length',
  'transfer-encoding',
  'content-encoding',
  'expect',
  'connection',
  'upgrade',
  'te',
  'trailer',
  'authorization',
  'proxy-authorization',
  'cookie',
  'accept',
  'accept-encoding',
  'range',
  'if-none-match',
  'if-modified-since',
  'if-range',
  'origin',
  'x-request-id',
  'request-id',
  'x-forwarded-for',
  'x-forwarded-host',
  'forwarded',
  'x-http-method-override',
  'idempotency-key',
  'x-spillway-on-disconnect',
  'x-spillway-timeout-ms',
  'x-stainless-timeout',
  'x-stainless-read-timeout',
  'x-stainless-retry-count',
  'last-event-id',
  'openai-organization',
  'traceparent',
  'user-agent',
  'x',
  '',
  'a b',
  'a\u0000',
  '\u00e9',
  '__proto__',
  'constructor',
];

const HEADER_VALUES = [
  '',
  ' ',
  '0',
  '1',
  '-1',
  '00',
  '1e3',
  '0x10',
  '4294967296',
  '9223372036854775808',
  '99999999999999999999',
  'NaN',
  'true',
  'null',
  'a, b',
  'a;b=c',
  '"',
  '"a',
  '\\',
  '*',
  '*/*',
  'application/json',
  'application/json; charset=utf-16',
  'application/json;',
  'application/jsonx',
  'APPLICATION/JSON',
  'text/plain',
  'multipart/form-data; boundary=a',
  '///',
  'application/json, text/plain',
  'gzip',
  'identity',
  'br, gzip',
  'chunked',
  'gzip, chunked',
  'close',
  'keep-alive',
  'Upgrade',
  'h2c',
  'websocket',
  '100-continue',
  '200-ok',
  'trailers',
  'Bearer',
  'Bearer ',
  'Bearer a b',
  'bearer x',
  'Basic dTpw',
  'Bearer \u00e9',
  'continue',
  'cancel',
  'key-1',
  'bytes=0-0',
  'bytes=5-1',
  'bytes=-1',
  'bytes=0-0,2-3',
  'bytes=a',
  'W/"a"',
  '1-1.1',
  '1-1',
  '-',
  '0.5',
  '100',
  '99',
  '86400000',
  'Thu, 01 Jan 1970 00:00:00 GMT',
  'a\tb',
  'a\u0000b',
  'a\rb',
  'a\nb',
  'a\r\n b',
  'a\r\nx-b: c',
  '\u00e9\u00ff',
  '\u007f',
  'x'.repeat(300),
  'x'.repeat(9_000),
  'x'.repeat(17_000),
];

/** Changes a few things of what stands in front of the body. */
export function mutateHead(draft: Draft, random: Random): void {
  const rounds = random.between(1, 3);
  for (let round = 0; round < rounds; round++) change(draft, random);
}

function change(draft: Draft, random: Random): void {
  const { headers } = draft;
  const at = random.between(0, Math.max(0, headers.length - 1));
  const header = headers[at];
  switch (
    random.weighted({
      add: 40,
      value: 15,
      twice: 10,
      gone: 5,
      many: 2,
      method: 8,
      target: 8,
      query: 5,
      version: 2,
      framing: 5,
    })
  ) {
    case 'add':
      headers.push([pick(random, HEADER_NAMES), pick(random, HEADER_VALUES)]);
      break;
    case 'value':
      if (header) header[1] = pick(random, HEADER_VALUES);
      break;
    case 'twice':
      if (header) headers.push([header[0], random.chance(0.5) ? header[1] : pick(random, HEADER_VALUES)]);
      break;
    case 'gone':
      headers.splice(at, 1);
      break;
    case 'many':
      for (let left = random.between(50, 1_500); left > 0; left--) headers.push(['a', 'b']);
      break;
    case 'method':
      draft.method = pick(random, METHODS);
      break;
    case 'target':
      draft.target = random.chance(0.9) ? pick(random, TARGETS) : `/${'a'.repeat(random.between(1, 20_000))}`;
      break;
    case 'query':
      draft.target += pick(random, QUERIES);
      break;
    case 'version':
      draft.version = pick(random, ['HTTP/1.0', 'HTTP/1.1', 'HTTP/0.9', 'HTTP/2.0', 'HTTP/1.2', 'HTTP', '']);
      break;
    case 'framing':
      draft.framing = pick(random, ['length', 'chunked', 'none'] as const);
      break;
  }
}
