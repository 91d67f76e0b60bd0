import { drop, endlessBody, hang, html, json, part, reply, status, stream } from './upstream-behaviours.js';
import type { Behaviour } from './upstream-behaviours.js';
import { done, dropHere, event, hangOn, raw, role } from './upstream-steps.js';

/** One way in which a provider fails before any output. */
export interface EarlyFailure {
  readonly cause: string;
  /** What its upstream does. */
  readonly behaviour: Behaviour;
  /** It never answers: needs short timers. */
  readonly silent?: true;
  /** It refuses our credential, which its provider remembers. */
  readonly credential?: true;
}

/** One behaviour for streams, another for whole answers. */
function either(streamed: Behaviour, whole: Behaviour): Behaviour {
  return (call) => (call.record.stream ? streamed(call) : whole(call));
}

const JSON_TYPE = { 'content-type': 'application/json' };
const EVENT_STREAM = { 'content-type': 'text/event-stream' };
const LONG_LINE = `data: {"x":"${'x'.repeat(1_200_000)}"}\n\n`;
const inTwoSeconds = new Date(Date.now() + 2_000).toUTCString();

const busy: readonly EarlyFailure[] = [
  ['no Retry-After', {}],
  ['Retry-After in seconds', { retryAfter: '2' }],
  ['Retry-After in fractions of a second', { retryAfter: '0.5' }],
  ['Retry-After as a date', { retryAfter: inTwoSeconds }],
  ['Retry-After in the past', { retryAfter: 'Sun, 06 Nov 1994 08:49:37 GMT' }],
  ['an absurd Retry-After', { retryAfter: '99999999999' }],
  ['a negative Retry-After', { retryAfter: '-5' }],
  ['a Retry-After of words', { retryAfter: 'later' }],
  ['retry-after-ms', { headers: { 'retry-after-ms': '1500' } }],
].map(([form, options]) => ({
  cause: `429 with ${form as string}`,
  behaviour: status(429, options as object),
}));

/** Every row of the fault table before output that a scripted upstream can play. */
export const earlyFailures: readonly EarlyFailure[] = [
  ...busy,
  ...[408, 409, 500, 501, 502, 503, 504, 529].map((code) => ({ cause: `${code}`, behaviour: status(code) })),
  { cause: '503 with Retry-After', behaviour: status(503, { retryAfter: '1' }) },
  { cause: '404', behaviour: status(404) },
  ...[401, 402, 403].map((code) => ({
    cause: `${code}`,
    behaviour: status(code),
    credential: true as const,
  })),
  { cause: '429 of a spent quota', behaviour: status(429, { code: 'insufficient_quota' }), credential: true },
  { cause: 'a redirect', behaviour: reply('', { status: 307, headers: { location: '/v1/elsewhere' } }) },
  { cause: 'silence before headers', behaviour: hang(), silent: true },
  {
    cause: 'silence after headers',
    behaviour: either(stream(hangOn()), part('', { rest: 'hang' })),
    silent: true,
  },
  {
    cause: 'silence after the role, or in the body',
    behaviour: either(stream(role(), hangOn()), part('{"choices":[', { rest: 'hang' })),
    silent: true,
  },
  {
    cause: 'garbage in place of events',
    behaviour: reply('what is this?\nno events\n\n', { headers: EVENT_STREAM }),
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
  { cause: 'an end before output', behaviour: either(stream(role()), reply('', { headers: JSON_TYPE })) },
  { cause: '[DONE] without a finish', behaviour: either(stream(role(), done()), stream(role(), done())) },
];
