import { eachOf, get, REFUSED, request, SMUGGLED, type RawCase } from '../raw-request.js';

const HEAD = ['Host: a'];

/** Lines that are no headers. */
const BAD_LINES = [
  'no colon',
  ': no name',
  ':',
  'X A: b',
  'X-A : b',
  'X-A\t: b',
  'X(A): b',
  'X"A: b',
  'X/A: b',
  'X@A: b',
  'X[A]: b',
  'X{A}: b',
  'X=A: b',
  'X\u0000A: b',
  'X\u007fA: b',
  'X\u00e9A: b',
  'X\u000bA: b',
  'X-A: \u0000',
  'X-A: b\u0000c',
  'X-A: b\u0001c',
  'X-A: b\u000bc',
  'X-A: b\u007fc',
  'X-A: b\rc',
  'X-A: b\nX-B: c',
  'X-A: b\rX-B: c',
  'X-A: b\n\nGET /smuggled HTTP/1.1\r\nHost: a',
  'X-A: b\n\r\nGET /smuggled HTTP/1.1\r\nHost: a',
  'X-A: b\r\r\nX-B: c',
  'X-A: b\r\n folded',
  'X-A: b\r\n\tfolded',
  'X-A:\r\n b',
  ' X-A: b',
  '\tX-A: b',
];

/** Where the head ends, or seems to. */
const BAD_ENDS = ['\n\n', '\r\n\n', '\n\r\n', '\r\r', '\r\n\r', '\r\r\n\r\n', '\r\n \r\n', '\r\n\t\r\n\r\n'];

const BAD_HOSTS = [
  'Host: a\r\nHost: a',
  'Host: a\r\nHost: b',
  'Host: a\r\nhost: b',
  'HOST: a\r\nhOsT: a',
  'Host: a\r\nX-A: b\r\nHost: a',
  'Host:\r\nHost: a',
  'Host: a\r\nHost:',
  'Host : a',
  'Host\t: a',
  'Host: a\r\n b',
  'Host:\r\n a',
  ' Host: a',
  'Host: a b',
  'Host: a, b',
  'Host: a/b',
  'Host: a?b',
  'Host: a#b',
  'Host: a\\b',
  'Host: user@a',
  'Host: http://a',
  'Host: a:80:80',
  'Host: a:port',
  'Host: a:-1',
  'Host: [::1',
  'Host: ::1',
  'Host: a\u0000',
  'Host: a\u0000b',
  'Host: a\u007f',
  'Host: \u00e4',
  'Host: "a"',
  'Host: <a>',
  'Host: a%zz',
];

const GOOD_HOSTS = [
  '',
  'a',
  'A.example.com:4100',
  '127.0.0.1:4100',
  '[::1]:4100',
  '[fe80::1]',
  'under_score',
  'a.',
  'xn--bcher-kva.example',
  'a:',
];

export const HEADS: readonly RawCase[] = [
  ...eachOf('the line', BAD_LINES, (line) => get([line]) + SMUGGLED, REFUSED),
  ...eachOf(
    'a head that ends with',
    BAD_ENDS,
    (end) => `GET /healthz HTTP/1.1\r\nHost: a\r\nX-A: b${end}${SMUGGLED}`,
    REFUSED,
  ),
  {
    title: 'a line that begins the head with a blank',
    bytes: request('GET /healthz HTTP/1.1', [' X-A: b', ...HEAD]) + SMUGGLED,
    answers: REFUSED,
  },
  {
    title: 'a head of 20 kB',
    bytes: get([`X-A: ${'b'.repeat(20_000)}`]) + SMUGGLED,
    answers: ['headers_too_large'],
  },
  {
    title: 'a name of 20 kB',
    bytes: get([`${'X'.repeat(20_000)}: b`]) + SMUGGLED,
    answers: ['headers_too_large'],
  },
  {
    title: '1,100 headers',
    bytes: get(Array.from({ length: 1_100 }, () => 'a:b')) + SMUGGLED,
    answers: ['headers_too_large'],
  },
  {
    title: '900 headers and a second Host behind them',
    bytes: get([...Array.from({ length: 900 }, () => 'a:'), 'Host: b']) + SMUGGLED,
    answers: REFUSED,
  },
  {
    title: 'a head that never ends',
    bytes: 'GET /healthz HTTP/1.1\r\nHost: a\r\nX-A: b\r\n',
    answers: ['request_timeout'],
  },
  { title: 'half a line', bytes: 'GET /heal', answers: ['request_timeout'] },
];

export const HOSTS: readonly RawCase[] = [
  ...eachOf('the host', BAD_HOSTS, (host) => request('GET /healthz HTTP/1.1', [host]) + SMUGGLED, REFUSED),
  ...eachOf('a host in order,', GOOD_HOSTS, (host) => request('GET /healthz HTTP/1.1', [`Host: ${host}`]), [
    200,
    'closing',
  ]),
  { title: 'no host', bytes: request('GET /healthz HTTP/1.1', []) + SMUGGLED, answers: REFUSED },
  {
    title: 'no host, but a target that has one',
    bytes: request('GET http://a/healthz HTTP/1.1', []) + SMUGGLED,
    answers: REFUSED,
  },
  {
    title: 'two hosts, and a target that has one',
    bytes: request('GET http://a/healthz HTTP/1.1', ['Host: a', 'Host: a']) + SMUGGLED,
    answers: REFUSED,
  },
  {
    title: 'two hosts of HTTP/1.0',
    bytes: request('GET /healthz HTTP/1.0', ['Host: a', 'Host: b', 'Connection: keep-alive']) + SMUGGLED,
    answers: REFUSED,
  },
  {
    title: 'two hosts of a path that there is not',
    bytes: request('GET /nowhere HTTP/1.1', ['Host: a', 'Host: b']) + SMUGGLED,
    answers: REFUSED,
  },
  {
    title: 'two hosts of a request with a body',
    bytes: request(
      'POST /v1/embeddings HTTP/1.1',
      ['Host: a', 'Host: b', `Content-Length: ${SMUGGLED.length}`],
      SMUGGLED,
    ),
    answers: REFUSED,
  },
];
