import { lateFailures, SAID } from './failures-after-output.js';
import { earlyFailures } from './failures-before-output.js';
import type { EarlyFailure } from './failures-before-output.js';
import { answer, json, status, stream } from './upstream-behaviours.js';
import type { Behaviour } from './upstream-behaviours.js';
import { done, dropHere, finish, role, tokens } from './upstream-steps.js';

/** How the client asks: a stream; one that was answered 200 before there was any output; a whole answer. */
const FORMS = ['stream', 'begun stream', 'whole answer'] as const;
type Form = (typeof FORMS)[number];

/** What a client saw, and how often the two upstreams were called for it. */
export interface Seen {
  readonly status: number;
  /** Of the error: the JSON body's, or the stream's last event's. */
  readonly code: string | undefined;
  readonly content: string;
  /** Every `finish_reason` but null. */
  readonly finishes: readonly string[];
  /** A stream that ends with [DONE], or a whole body without an error. */
  readonly done: boolean;
  readonly calls: readonly [first: number, second: number];
}

/** One question to the broker, whose first target does something odd. */
export interface Cell {
  /** Its public model, and the name of it at both providers. */
  readonly model: string;
  readonly cause: string;
  readonly form: Form;
  /** Is there a second target? */
  readonly left: boolean;
  readonly behaviour: Behaviour | undefined;
  /** It falls silent before output, or after. */
  readonly silent: 'early' | 'late' | undefined;
  /**
   * `shared`: any provider; `busy`: one of few, as retries have a budget; `own`: one that nobody else uses, because it
   * remembers a refused credential; else its base URL.
   */
  readonly provider: 'shared' | 'busy' | 'own' | URL;
  readonly expected: Seen;
}

type Draft = Omit<Cell, 'model' | 'form' | 'left' | 'expected'> & {
  readonly expect: (form: Form, left: boolean) => Seen;
  readonly forms?: readonly Form[];
};

/** Written out again, so that the error table cannot change them unseen. */
const STATUS: Readonly<Record<string, number>> = {
  upstream_rejected: 400,
  content_policy_violation: 400,
  context_length_exceeded: 400,
  model_not_found: 404,
  request_too_large: 413,
  rate_limit_exceeded: 429,
  upstream_error: 502,
  upstream_truncated: 502,
  upstream_credentials_exhausted: 502,
  upstream_timeout: 504,
};

/** What the second target says; it is always well. */
export const SECOND = 'from the second';

function failed(code: string, form: Form, calls: Seen['calls']): Seen {
  const begun = form === 'begun stream';
  return { status: begun ? 200 : (STATUS[code] ?? 0), code, content: '', finishes: [], done: false, calls };
}

function answered(content: string, calls: Seen['calls'], finishes: readonly string[] = ['stop']): Seen {
  return { status: 200, code: undefined, content, finishes, done: true, calls };
}

function early(failure: EarlyFailure & { readonly at?: URL }): Draft {
  const { cause, behaviour, alone = 'upstream_error', silent, credential, busy, at } = failure;
  const first = at ? 0 : 1;
  return {
    cause,
    behaviour: at ? undefined : behaviour,
    silent: silent && 'early',
    provider: at ?? (credential ? 'own' : busy ? 'busy' : 'shared'),
    // Nobody is there who could wait until the stream has begun.
    ...(at && { forms: ['stream', 'whole answer'] }),
    expect: (form, left) => {
      if (left) return answered(SECOND, [first, 1]);
      const code = typeof alone === 'string' ? alone : alone[form === 'whole answer' ? 'whole' : 'stream'];
      return failed(code, form, [busy ?? first, 0]);
    },
  };
}

const unreachable = [
  { cause: 'a refused connection', at: new URL('http://127.0.0.1:9/v1') },
  { cause: 'a host name that does not resolve', at: new URL('http://does-not-exist.invalid/v1') },
].map((each) => early({ ...each, behaviour: answer('nobody is here') }));

const late: readonly Draft[] = lateFailures.map(({ cause, behaviour, code, silent }) => ({
  cause: `${cause}, after output`,
  behaviour,
  silent: silent && 'late',
  provider: 'shared',
  forms: ['stream', 'begun stream'],
  // Nothing is spliced to what the client has seen, whatever targets are left.
  expect: () => ({ status: 200, code, content: SAID, finishes: [], done: false, calls: [1, 0] }),
}));

const refusals: readonly Draft[] = [
  ['400', 'upstream_rejected', status(400, { message: 'temperature: too hot' })],
  ['400 with an unknown code', 'upstream_rejected', status(400, { code: 'invalid_tool_schema' })],
  ['413', 'request_too_large', status(413)],
  ['422', 'upstream_rejected', status(422)],
  ['400 by content policy', 'content_policy_violation', status(400, { code: 'content_policy_violation' })],
  ['403 by content policy', 'content_policy_violation', status(403, { code: 'content_filter' })],
  // The next target is not declared with a longer context.
  ['400 for its length', 'context_length_exceeded', status(400, { code: 'context_length_exceeded' })],
  ['an invalid_request_error with 200', 'upstream_rejected', refusal200()],
].map(([cause, code, behaviour]) => ({
  cause: cause as string,
  behaviour: behaviour as Behaviour,
  silent: undefined,
  provider: 'shared',
  expect: (form) => failed(code as string, form, [1, 0]),
}));

function refusal200(): Behaviour {
  return json({ error: { message: 'no such member', type: 'invalid_request_error' } });
}

/** Odd, but whole: what the upstream said is what the client gets. */
const whole: readonly Draft[] = [
  { cause: 'a finish and a closed connection', reason: 'stop', steps: [finish(), dropHere()] },
  { cause: 'a finish and an end without [DONE]', reason: 'stop', steps: [finish()] },
  { cause: 'a finish for length', reason: 'length', steps: [finish('length'), done()] },
  {
    cause: 'a finish by content filter',
    reason: 'content_filter',
    steps: [finish('content_filter'), done()],
  },
].map(({ cause, reason, steps }) => ({
  cause,
  behaviour: stream(role(), tokens(SAID), ...steps),
  silent: undefined,
  provider: 'shared',
  forms: ['stream'],
  expect: () => answered(SAID, [1, 0], [reason]),
}));

const wholeBodies: readonly Draft[] = [null, 'length'].map((reason) => ({
  cause: `a body whose finish_reason is ${reason}`,
  behaviour: json({ choices: [{ index: 0, message: { content: SAID }, finish_reason: reason }] }),
  silent: undefined,
  provider: 'shared',
  forms: ['whole answer'],
  expect: () => answered(SAID, [1, 0], reason === null ? [] : [reason]),
}));

/** Every cell: behaviour x form x a second target or none. */
export const cells: readonly Cell[] = [
  ...earlyFailures.map(early),
  ...unreachable,
  ...late,
  ...refusals,
  ...whole,
  ...wholeBodies,
].flatMap(({ expect, forms = FORMS, ...draft }, row) =>
  forms.flatMap((form) =>
    [true, false].map((left) => ({
      ...draft,
      model: `cell-${row}-${form.replace(' ', '-')}-${left ? 'left' : 'alone'}`,
      form,
      left,
      expected: expect(form, left),
    })),
  ),
);
