import { hang, html, status } from './upstream-behaviours.js';
import type { Behaviour } from './upstream-behaviours.js';

/** A plan of one or two targets that all fail, and what the client gets. */
interface ExhaustedPlan {
  readonly causes: string;
  readonly behaviours: readonly [Behaviour, Behaviour?];
  /** They never answer: they need short timers. */
  readonly silent?: true;
  readonly status: number;
  readonly code: string;
  /** What the message says of each attempt. */
  readonly message: RegExp;
  readonly headers: Readonly<Record<string, string | undefined>>;
}

const NO_RETRY = { 'x-should-retry': 'false', 'retry-after': undefined };

/** The providers are called `one-<case>` and `two-<case>`. */
export const exhaustedPlans: readonly ExhaustedPlan[] = [
  {
    causes: 'two faults',
    behaviours: [status(500), status(503)],
    status: 502,
    code: 'upstream_error',
    message: /one-\d-\w+: 500; two-\d-\w+: 503/,
    headers: NO_RETRY,
  },
  {
    causes: 'two busy providers',
    behaviours: [status(429, { retryAfter: '7' }), status(529, { retryAfter: '3' })],
    status: 429,
    code: 'rate_limit_exceeded',
    message: /try again in 3 s/,
    headers: { 'retry-after': '3', 'x-should-retry': undefined },
  },
  {
    causes: 'two providers that are busy for minutes',
    behaviours: [status(429, { retryAfter: '200' }), status(429, { retryAfter: '120' })],
    status: 429,
    code: 'rate_limit_exceeded',
    message: /try again in 120 s/,
    headers: { ...NO_RETRY, 'x-spillway-eta-ms': '120000' },
  },
  {
    causes: 'two refused credentials',
    behaviours: [status(401), status(403)],
    status: 502,
    code: 'upstream_credentials_exhausted',
    message: /one-\d-\w+: 401; two-\d-\w+: 403/,
    headers: NO_RETRY,
  },
  {
    causes: 'two silent providers',
    behaviours: [hang(), hang()],
    silent: true,
    status: 504,
    code: 'upstream_timeout',
    message: /one-\d-\w+: .+ timeout; two-\d-\w+: .+ timeout/,
    headers: NO_RETRY,
  },
  {
    causes: 'two providers without the model',
    behaviours: [status(404), status(404)],
    status: 404,
    code: 'model_not_found',
    message: /one-\d-\w+: 404; two-\d-\w+: 404/,
    headers: {},
  },
  {
    causes: 'a busy and a broken provider',
    behaviours: [status(429), html()],
    status: 502,
    code: 'upstream_error',
    message: /one-\d-\w+: 429; two-\d-\w+: malformed answer/,
    headers: NO_RETRY,
  },
  {
    causes: 'a single provider',
    behaviours: [status(408)],
    status: 502,
    code: 'upstream_error',
    message: /one-\d-\w+: 408/,
    headers: NO_RETRY,
  },
];
