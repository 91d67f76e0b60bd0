import {
  chunked,
  eachOf,
  get,
  IS_BODY,
  JSON_BODY,
  post,
  REFUSED,
  request,
  SMUGGLED,
  type RawCase,
} from '../raw-request.js';

const LENGTH = `Content-Length: ${SMUGGLED.length}`;

const GOOD = post([`Content-Length: ${JSON_BODY.length}`], JSON_BODY);

/** Requests without a use for a body, which have one all the same: it is skipped, and nothing in it is answered. */
const WITH_BODY = ['GET /healthz', 'HEAD /healthz', 'GET /v1/models', 'HEAD /v1/models'];

const UPGRADES = [
  ['Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAAQAAP__', 'Connection: Upgrade, HTTP2-Settings'],
  [
    'Upgrade: websocket',
    'Connection: Upgrade',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Version: 13',
  ],
  ['Upgrade: TLS/1.0', 'Connection: Upgrade'],
  ['Upgrade: HTTP/2.0, SHTTP/1.3', 'Connection: Upgrade'],
  ['Upgrade: h2c-without-a-connection-header'],
] as const;

/** Node skips what it has read behind a request to change protocols, so nothing more is taken from its connection. */
function endsAll(headers: readonly string[]): boolean {
  return headers.length > 1;
}

export const CONNECTIONS: readonly RawCase[] = [
  ...eachOf('a body of', WITH_BODY, (line) => request(`${line} HTTP/1.1`, ['Host: a', LENGTH], SMUGGLED), [
    200,
    'closing',
  ]),
  ...eachOf(
    'a body in chunks of',
    WITH_BODY,
    (line) => request(`${line} HTTP/1.1`, ['Host: a', 'Transfer-Encoding: chunked'], chunked(SMUGGLED)),
    [200, 'closing'],
  ),
  {
    title: 'a body on its way to no path',
    bytes: request('POST /nowhere HTTP/1.1', ['Host: a', LENGTH], SMUGGLED),
    answers: ['not_found'],
  },
  {
    title: 'a body of another type',
    bytes: request('POST /v1/embeddings HTTP/1.1', ['Host: a', 'Content-Type: text/plain', LENGTH], SMUGGLED),
    answers: ['unsupported_media_type', 'closing'],
  },
  {
    title: 'an encoded body',
    bytes: post(['Content-Encoding: gzip', LENGTH], SMUGGLED),
    answers: ['unsupported_media_type'],
  },
  {
    title: 'a body that is too large',
    bytes: post(['Content-Length: 4000'], SMUGGLED + 'x'.repeat(4_000 - SMUGGLED.length)),
    answers: ['request_too_large'],
  },
  {
    title: 'a body in chunks that is too large',
    bytes: post(['Transfer-Encoding: chunked'], chunked(SMUGGLED + 'x'.repeat(4_000))),
    answers: ['request_too_large'],
  },
  ...UPGRADES.flatMap((headers) => [
    {
      title: `a change of protocols, ${headers[0]}`,
      bytes: get(headers),
      answers: endsAll(headers) ? [200] : [200, 'closing'],
    },
    {
      title: `one with a body, ${headers[0]}`,
      bytes: post([...headers, LENGTH], SMUGGLED),
      answers: endsAll(headers) ? ['invalid_json'] : IS_BODY,
    },
    {
      title: `one with chunks, ${headers[0]}`,
      bytes: post([...headers, 'Transfer-Encoding: chunked'], chunked(SMUGGLED)),
      answers: endsAll(headers) ? ['invalid_json'] : IS_BODY,
    },
  ]),
  { title: 'a request behind one that closes', bytes: get(['Connection: close']) + SMUGGLED, answers: [200] },
  {
    title: 'one behind one that closes and does not',
    bytes: get(['Connection: close, keep-alive']) + SMUGGLED,
    answers: [200],
  },
  {
    title: 'one behind one of HTTP/1.0',
    bytes: request('GET /healthz HTTP/1.0', ['Host: a']) + SMUGGLED,
    answers: [200],
  },
  {
    title: 'one behind one of HTTP/1.0 without a host',
    bytes: request('GET /healthz HTTP/1.0', []) + SMUGGLED,
    answers: [200],
  },
  {
    title: 'HTTP/1.0 that keeps its connection',
    bytes: request('GET /healthz HTTP/1.0', ['Host: a', 'Connection: keep-alive']),
    answers: [200, 'closing'],
  },
  {
    title: 'HTTP/1.0 with a body',
    bytes: request('POST /v1/embeddings HTTP/1.0', ['Content-Type: application/json', LENGTH], SMUGGLED),
    answers: ['invalid_json'],
  },
  {
    title: 'HTTP/1.0 with two lengths',
    bytes: request(
      'POST /v1/embeddings HTTP/1.0',
      ['Content-Type: application/json', LENGTH, 'Content-Length: 1'],
      SMUGGLED,
    ),
    answers: REFUSED,
  },
  { title: 'an expectation', bytes: post(['Expect: banana', LENGTH], SMUGGLED), answers: REFUSED },
  {
    title: 'two expectations',
    bytes: post(['Expect: 100-continue', 'Expect: banana', LENGTH], SMUGGLED),
    answers: REFUSED,
  },
  {
    title: 'an expectation in order',
    bytes: post(['Expect: 100-continue', LENGTH], SMUGGLED),
    answers: [100, ...IS_BODY],
  },
  {
    title: 'a request behind one in order that is none',
    bytes: `${get([])}HELLO\r\n\r\n${SMUGGLED}`,
    answers: [200],
  },
  {
    title: 'one in order that is answered, and then chunks',
    bytes: `${GOOD}0\r\n\r\n${SMUGGLED}`,
    answers: [200],
  },
  {
    title: 'two in order, and then one that is none',
    bytes: `${GOOD}${GOOD}HELLO\r\n\r\n${SMUGGLED}`,
    answers: [200, 200],
  },
  {
    title: 'one in order, and then one with a broken body',
    bytes: `${GOOD}${post(['Transfer-Encoding: chunked'], `x\r\n${SMUGGLED}`)}`,
    answers: [200, 'invalid_value'],
  },
  {
    title: 'one in order, and then half of one',
    bytes: `${GOOD}${post(['Content-Length: 500'], SMUGGLED)}`,
    answers: [200, 'request_timeout'],
  },
  {
    title: 'a tunnel behind one that is refused',
    bytes: `${request('GET /nowhere HTTP/1.1', ['Host: a'])}CONNECT b:443 HTTP/1.1\r\nHost: a\r\n\r\n${SMUGGLED}`,
    answers: ['not_found'],
  },
  {
    title: 'one in order, and then an expectation',
    bytes: `${GOOD}${post(['Expect: 100-continue', LENGTH], SMUGGLED)}`,
    answers: [200, 'invalid_json'],
  },
  {
    title: 'an expectation of a path that there is not',
    bytes: request('POST /nowhere HTTP/1.1', ['Host: a', 'Expect: 100-continue', LENGTH], SMUGGLED),
    answers: ['not_found'],
  },
  {
    title: 'an expectation of a body that is too large',
    bytes: post(
      ['Expect: 100-continue', 'Content-Length: 4000'],
      SMUGGLED + 'x'.repeat(4_000 - SMUGGLED.length),
    ),
    answers: ['request_too_large'],
  },
  {
    title: 'one in order, and then a tunnel',
    bytes: `${get([])}CONNECT b:443 HTTP/1.1\r\nHost: a\r\n\r\n${SMUGGLED}`,
    answers: [],
  },
];

/** These are answered twice: without them, a test that cannot see a second answer would pass. */
export const CONTROLS: readonly RawCase[] = [
  { title: 'a second request in order', bytes: get([]) + SMUGGLED, answers: [200, 'smuggled'] },
  {
    title: 'a second request behind a body',
    bytes: GOOD + SMUGGLED,
    answers: [200, 'smuggled'],
  },
  {
    title: 'a second request behind chunks',
    bytes: post(['Transfer-Encoding: chunked'], chunked(JSON_BODY)) + SMUGGLED,
    answers: [200, 'smuggled'],
  },
];
