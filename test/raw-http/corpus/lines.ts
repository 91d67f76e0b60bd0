import { eachOf, request, REFUSED, SMUGGLED, type RawCase } from '../raw-request.js';

const HEAD = ['Host: a'];

/** First lines that are none. */
const BAD_LINES = [
  'GET /healthz',
  'GET',
  '',
  'GET\t/healthz HTTP/1.1',
  'GET /healthz\tHTTP/1.1',
  ' GET /healthz HTTP/1.1',
  '\tGET /healthz HTTP/1.1',
  'GET /heal thz HTTP/1.1',
  'GET /healthz HTTP/1.1 ',
  'GET /healthz HTTP/1.1 HTTP/1.1',
  'GET /healthz HTTP/1.1\n',
  'GET /healthz HTTP/1.1\r',
  'GET /healthz\r HTTP/1.1',
  'GET /healthz\n HTTP/1.1',
  'GET /heal\u0000thz HTTP/1.1',
  'GET\u0000 /healthz HTTP/1.1',
  'GET /healthz HTTP/1.1\u0000',
  'GET /healthz\u007f HTTP/1.1',
  'GET /healthz\u0001 HTTP/1.1',
  'GET /healthz\u000b HTTP/1.1',
  'get /healthz HTTP/1.1',
  'Get /healthz HTTP/1.1',
  'GETT /healthz HTTP/1.1',
  'G\u00cbT /healthz HTTP/1.1',
  'GE T /healthz HTTP/1.1',
  'FOO /healthz HTTP/1.1',
  '(GET) /healthz HTTP/1.1',
  'GET healthz HTTP/1.1',
  'GET ?x HTTP/1.1',
  'GET \\healthz HTTP/1.1',
  'GET /healthz HTTP/0.9',
  'GET /healthz HTTP/1.2',
  'GET /healthz HTTP/1.10',
  'GET /healthz HTTP/1',
  'GET /healthz HTTP/1.',
  'GET /healthz HTTP/1.1.1',
  'GET /healthz HTTP/01.1',
  'GET /healthz HTTP/1.01',
  'GET /healthz HTTP/-1.1',
  'GET /healthz HTTP/2.0',
  'GET /healthz HTTP/2',
  'GET /healthz HTTP/3.0',
  'GET /healthz HTTP/9.9',
  'GET /healthz http/1.1',
  'GET /healthz HTTPS/1.1',
  'GET /healthz HTTP /1.1',
  'GET /healthz HTTP/1 .1',
  'GET /healthz HTTP/1,1',
  'GET /healthz ICE/1.0',
  'DESCRIBE rtsp://a/ RTSP/1.0',
  'HTTP/1.1 200 OK',
  '\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001\u00fc\u0003\u0003',
  'SSH-2.0-OpenSSH_9.9',
  '*1',
  'EHLO a',
];

/** Methods that the parser knows and no route has. */
const METHODS = [
  'TRACE',
  'PUT',
  'PATCH',
  'DELETE',
  'OPTIONS',
  'PROPFIND',
  'M-SEARCH',
  'PURGE',
  'QUERY',
  'LINK',
];

/** Targets that are in order, and lead nowhere. */
const TARGETS = [
  '/nowhere',
  '*',
  '*?a',
  '*healthz',
  '*/healthz',
  'HTTP://a/healthz',
  'http://',
  '//healthz',
  '/healthz/',
  '/./healthz',
  '/v1/../healthz',
  '/%2e%2e/healthz',
  '/healthz%00',
  '/healthz%0d%0aX-A:%20b',
  '/%zz',
  '/%',
  '/healthz;a=b',
  '/HEALTHZ',
];

/** Targets that are in order, and served. */
const SERVED = [
  '/healthz?',
  '/healthz?a=b&c=%zz',
  '/healthz?http://b/',
  'http://a/healthz',
  'http://b/healthz',
  'http://user:password@a/healthz',
  'http://[::1]:80/healthz',
];

export const LINES: readonly RawCase[] = [
  ...eachOf('the first line', BAD_LINES, (line) => request(line, HEAD) + SMUGGLED, REFUSED),
  ...eachOf('the method', METHODS, (method) => request(`${method} /healthz HTTP/1.1`, HEAD) + SMUGGLED, [
    'method_not_allowed',
  ]),
  ...eachOf('the target', TARGETS, (target) => request(`GET ${target} HTTP/1.1`, HEAD) + SMUGGLED, [
    'not_found',
  ]),
  ...eachOf('the target in order,', SERVED, (target) => request(`GET ${target} HTTP/1.1`, HEAD), [
    200,
    'closing',
  ]),
  {
    title: 'a target of 20 kB',
    bytes: request(`GET /${'a'.repeat(20_000)} HTTP/1.1`, HEAD) + SMUGGLED,
    answers: ['headers_too_large'],
  },
  {
    title: 'a method of 20 kB',
    bytes: request(`${'A'.repeat(20_000)} / HTTP/1.1`, HEAD) + SMUGGLED,
    answers: REFUSED,
  },
  ...eachOf(
    'the first line, taken with more blanks,',
    ['GET  /healthz HTTP/1.1', 'GET /healthz  HTTP/1.1'],
    (line) => request(line, HEAD),
    [200, 'closing'],
  ),
  {
    title: 'the first line of a television',
    bytes: request('GET /healthz RTSP/1.0', HEAD) + SMUGGLED,
    answers: [200],
  },
  {
    title: 'the first line of a radio',
    bytes: request('SOURCE /healthz ICE/1.0', HEAD) + SMUGGLED,
    answers: ['method_not_allowed'],
  },
  {
    title: 'empty lines in front',
    bytes: `\r\n\r\n${request('GET /healthz HTTP/1.1', HEAD)}`,
    answers: [200, 'closing'],
  },
  { title: 'the preface of HTTP/2', bytes: `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${SMUGGLED}`, answers: REFUSED },
  {
    title: 'a request to tunnel',
    bytes: request('CONNECT b:443 HTTP/1.1', HEAD) + SMUGGLED,
    answers: ['not_found'],
  },
  {
    title: 'a request to tunnel, with a body',
    bytes: request('CONNECT b:443 HTTP/1.1', [...HEAD, `Content-Length: ${SMUGGLED.length}`], SMUGGLED),
    answers: ['not_found'],
  },
  {
    title: 'a request to tunnel to a path',
    bytes: request('CONNECT /healthz HTTP/1.1', HEAD) + SMUGGLED,
    answers: ['not_found'],
  },
  {
    title: 'the server as a whole',
    bytes: request('OPTIONS * HTTP/1.1', HEAD) + SMUGGLED,
    answers: ['not_found'],
  },
];
