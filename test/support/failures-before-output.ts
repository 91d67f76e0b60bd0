import { drop, endlessBody, hang, html, json, part, reply, status, stream } from './upstream-behaviours.js';
import type { Behaviour } from './upstream-behaviours.js';
import { done, dropHere, event, hangOn, raw, role } from './upstream-steps.js';

/** The codes that a client gets where nothing is left to try. */
type FinalCode =
  | 'upstream_error'
  | 'upstream_timeout'
  | 'upstream_truncated'
  | 'upstream_credentials_exhausted'
  | 'rate_limit_exceeded'
  | 'model_not_found';

/** One way in which a provider fails before any output. */
export interface EarlyFailure {
  readonly cause: string;
  /** What its upstream does. */
  readonly behaviour: Behaviour;
  /** What it comes to where no other target is left, for streams and for whole answers. Default: `upstream_error`. */
  readonly alone?: FinalCode | { readonly stream: FinalCode; readonly whole: FinalCode };
  /** It never answers: needs short timers. */
  readonly silent?: true;
  /** It refuses our credential, which its provider remembers. */
  readonly credential?: true;
  /**
   * It is busy, not broken: how often it is called where no other target is left. Each wait of at most `LONGEST_WAIT_MS`
   * is waited out, up to three times; where it does not say how long, 1 s and then 2 s.
   */
  readonly busy?: 1 | 2 | 4;
}

/** The `queue.maxRetryDelayMs` that the counts of `busy` are for. */
export const LONGEST_WAIT_MS = 1_200;

/** One behaviour for streams, another for whole answers. */
function either(streamed: Behaviour, whole: Behaviour): Behaviour {
  return (call) => (call.record.stream ? streamed(call) : whole(call));
}

const LIMITED = 'rate_limit_exceeded';
const CREDENTIAL = { credential: true, alone: 'upstream_credentials_exhausted' } as const;
const SILENT = { silent: true, alone: 'upstream_timeout' } as const;
const TRUNCATED = { stream: 'upstream_truncated', whole: 'upstream_error' } as const;
const JSON_TYPE = { 'content-type': 'application/json' };
const EVENT_STREAM = { 'content-type': 'text/event-stream' };
const LONG_LINE = `data: {"x":"${'x'.repeat(1_200_000)}"}\n\n`;
const inFiveMinutes = new Date(Date.now() + 300_000).toUTCString();

const rateLimits: readonly EarlyFailure[] = (
  [
    ['no Retry-After', 2, {}],
    ['Retry-After in seconds', 1, { retryAfter: '2' }],
    ['Retry-After in fractions of a second', 4, { retryAfter: '0.5' }],
    ['Retry-After as a date', 1, { retryAfter: inFiveMinutes }],
    ['Retry-After in the past', 4, { retryAfter: 'Sun, 06 Nov 1994 08:49:37 GMT' }],
    ['an absurd Retry-After', 1, { retryAfter: '99999999999' }],
    ['a negative Retry-After', 2, { retryAfter: '-5' }],
    ['a Retry-After of words', 2, { retryAfter: 'later' }],
    ['retry-after-ms', 1, { headers: { 'retry-after-ms': '1500' } }],
    ['a short retry-after-ms', 4, { headers: { 'retry-after-ms': '300' } }],
  ] as const
).map(([form, busy, options]) => ({
  cause: `429 with ${form}`,
  behaviour: status(429, options),
  alone: LIMITED,
  busy,
}));

/** Every row of the fault table before output that a scripted upstream can play. */
export const earlyFailures: readonly EarlyFailure[] = [
  ...rateLimits,
  // Overloaded, which says nothing of our rate.
  { cause: '529', behaviour: status(529), busy: 2 },
  { cause: '503 with Retry-After', behaviour: status(503, { retryAfter: '1' }), alone: LIMITED, busy: 4 },
  {
    cause: '503 that says it is busy',
    behaviour: status(503, { message: 'no free slots' }),
    alone: LIMITED,
    busy: 2,
  },
  ...[408, 409, 421, 500, 502, 503, 504].map((code) => ({ cause: `${code}`, behaviour: status(code) })),
  ...[404, 405, 410, 501].map((code) => ({
    cause: `${code}`,
    behaviour: status(code),
    alone: 'model_not_found' as const,
  })),
  ...[401, 402, 403].map((code) => ({
    cause: `${code}`,
    behaviour: status(code),
    ...CREDENTIAL,
  })),
  { cause: '429 of a spent quota', behaviour: status(429, { code: 'insufficient_quota' }), ...CREDENTIAL },
  { cause: 'a redirect', behaviour: reply('', { status: 307, headers: { location: '/v1/elsewhere' } }) },
  { cause: 'silence before headers', behaviour: hang(), ...SILENT },
  {
    cause: 'silence after headers',
    behaviour: either(stream(hangOn()), part('', { rest: 'hang' })),
    ...SILENT,
  },
  {
    cause: 'silence after the role, or in the body',
    behaviour: either(stream(role(), hangOn()), part('{"choices":[', { rest: 'hang' })),
    ...SILENT,
  },
  {
    cause: 'garbage in place of events',
    behaviour: reply('what is this?\nno events\n\n', { headers: EVENT_STREAM }),
    alone: TRUNCATED,
  },
  {
    cause: 'half a JSON',
    behaviour: either(stream(event('{"choices":[{')), reply('{"choices":[{', { headers: JSON_TYPE })),
  },
  { cause: 'JSON that is no object', behaviour: either(stream(event('[1]')), json([1])) },
  { cause: 'a body without choices', behaviour: json({ object: 'chat.completion', choices: [] }) },
  { cause: 'HTML with 200', behaviour: html() },
  {
    cause: 'an error object with 200',
    behaviour: json({ error: { message: 'scripted', type: 'server_error' } }),
  },
  {
    cause: 'an error as the first event, or as text',
    behaviour: either(
      stream(role(), event({ error: { message: 'scripted', code: 500 } })),
      json({ error: 'scripted' }),
    ),
  },
  {
    cause: 'a line above 1 MiB, or an endless body',
    behaviour: either(stream(raw(LONG_LINE)), endlessBody(LONG_LINE)),
  },
  {
    cause: 'a compressed body',
    behaviour: reply('x', { headers: { ...JSON_TYPE, 'content-encoding': 'gzip' } }),
  },
  { cause: 'a connection closed before headers', behaviour: drop() },
  { cause: 'a connection reset before headers', behaviour: drop({ reset: true }) },
  { cause: 'a connection closed after headers', behaviour: either(stream(dropHere()), part('')) },
  {
    cause: 'a connection closed after the role, or in the body',
    behaviour: either(stream(role(), dropHere()), part('{"choices":[')),
  },
  {
    cause: 'an end before output',
    behaviour: either(stream(role()), reply('', { headers: JSON_TYPE })),
    alone: TRUNCATED,
  },
  { cause: '[DONE] without a finish', behaviour: stream(role(), done()), alone: TRUNCATED },
  { cause: 'an answer that is not HTTP', behaviour: notHttp() },
  {
    cause: 'headers above 16 KiB',
    behaviour: reply('{}', { headers: { ...JSON_TYPE, 'x-long': 'x'.repeat(20_000) } }),
  },
];

function notHttp(): Behaviour {
  return async (call) => {
    const { socket } = call.response;
    await new Promise((resolve) => socket?.write('SSH-2.0-OpenSSH_9.9\r\n', resolve));
    call.drop();
  };
}
