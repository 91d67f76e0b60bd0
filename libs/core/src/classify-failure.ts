import type { ErrorCode } from './errors.js';
import type { CallFacts, Failure, FailureCategory, Phase } from './failure.js';
import { scrub } from './scrub.js';

type StatusFacts = Extract<CallFacts, { kind: 'status' }>;

/** What a failure means, without the facts of the single call. */
interface Meaning {
  readonly category: FailureCategory;
  readonly code: ErrorCode;
  /** The request's member that it is about, where the upstream does not name it. */
  readonly param?: string;
}

const rejected: Meaning = { category: 'caller', code: 'upstream_rejected' };
const tooLarge: Meaning = { category: 'caller', code: 'request_too_large' };
const policy: Meaning = { category: 'caller', code: 'content_policy_violation' };
const context: Meaning = { category: 'context', code: 'context_length_exceeded' };
const credential: Meaning = { category: 'credential', code: 'upstream_credentials_exhausted' };
const busy: Meaning = { category: 'backpressure', code: 'rate_limit_exceeded' };
/** Busy all the same; but it says nothing of our rate, so a client is not told to slow down. */
const overloaded: Meaning = { category: 'backpressure', code: 'upstream_error' };
const unusable: Meaning = { category: 'unusable', code: 'model_not_found' };
const unsupported: Meaning = { category: 'unsupported', code: 'unsupported_parameter' };
const fault: Meaning = { category: 'fault', code: 'upstream_error' };

/**
 * Statuses with a meaning of their own. All others, 408, 409 and the rest of the 5xx among them, are a fault: an odd
 * status (421, 424, 425, 431, 451…) speaks of that provider or of the way to it, so another one may well serve.
 */
const byStatus: ReadonlyMap<number, Meaning> = new Map([
  [400, rejected],
  [401, credential],
  [402, credential],
  [403, credential],
  [404, unusable],
  [405, unusable],
  [410, unusable],
  [413, tooLarge],
  [415, unusable],
  [422, rejected],
  [429, busy],
  [501, unusable],
  [529, overloaded],
]);

/** Something an upstream names in `code` or `type`, or says in words, that outweighs its status. */
interface Signal {
  readonly meaning: Meaning;
  /** Shown behind the status in the trail. */
  readonly label: string;
  /** Statuses under which upstreams were seen to send it; elsewhere the words may mean something else. */
  readonly statuses: readonly number[];
  readonly names?: RegExp;
  readonly words?: RegExp;
}

/** llama.cpp and Ollama say what they lack with a 500, OpenRouter with a 404. */
const LACKING = [400, 404, 422, 500, 501] as const;

/** First match wins. Words are those of OpenAI, Azure, vLLM, SGLang, llama.cpp, Ollama, Anthropic, Gemini and others. */
const signals: readonly Signal[] = [
  {
    meaning: policy,
    label: 'content policy',
    statuses: [400, 403, 422],
    names:
      /^(content_policy_violation|content_filter|responsibleaipolicyviolation|data_inspection_failed|moderation_blocked|safety_violation)$/,
    words: /content (management )?polic(y|ies)|usage polic(y|ies)|safety system|input was flagged/i,
  },
  {
    meaning: context,
    label: 'context length',
    // llama.cpp said it with a 500 at first.
    statuses: [400, 413, 422, 500],
    names:
      /^(context_length_exceeded|context_window_exceeded|exceed_context_size_error|string_above_max_length)$/,
    words:
      /(maximum|model'?s) (context|model) (length|window)|(available|maximum) context (size|length|window)|exceeds? (the |its )?(maximum )?context (length|window|size)|prompt is too long|input is too long|input token count.{0,40}exceeds|tokens \+ .max_new_tokens. must be/i,
  },
  {
    meaning: credential,
    label: 'quota',
    statuses: [400, 403, 429],
    names:
      /^(insufficient_quota|insufficient_balance|billing_error|billing_hard_limit_reached|billing_not_active|account_deactivated)$/,
    // Not "exceeded your current quota": some say that of a plain rate limit.
    words: /credit balance is too low/i,
  },
  {
    meaning: credential,
    label: 'credential',
    statuses: [400],
    names: /^(invalid_api_key|api_key_invalid|authentication_error)$/,
    words: /api key not valid|(incorrect|invalid) api key/i,
  },
  // What a model, or its server as it was started, does not do: before the model, as some say so with a 404.
  {
    meaning: { ...unsupported, param: 'tools' },
    label: 'no tools',
    statuses: LACKING,
    words:
      /support (tools\b|tool (use|calls?|calling)|function call)|(tool|function) call(s|ing)?`? (is|are) not (supported|enabled)|tool choice requires|tools param requires/i,
  },
  {
    meaning: { ...unsupported, param: 'messages' },
    label: 'no images',
    statuses: LACKING,
    words:
      /support (the )?(images?|vision)\b|image input is not supported|missing data required for image input|not a multimodal model|image_url is only supported/i,
  },
  {
    meaning: { ...unsupported, param: 'messages' },
    label: 'no audio',
    statuses: LACKING,
    words: /audio input is not supported/i,
  },
  {
    meaning: { ...unsupported, param: 'reasoning_effort' },
    label: 'no such thinking',
    statuses: LACKING,
    words: /does(n't| not) support thinking|think value .{1,40} is not supported/i,
  },
  {
    meaning: unsupported,
    label: 'unsupported parameter',
    statuses: [400, 422],
    names: /^unsupported_(parameter|value)$/,
    words:
      /property '[^']{1,80}' is unsupported|extra inputs are not permitted|unrecognized request argument/i,
  },
  {
    meaning: unusable,
    label: 'no such model',
    statuses: [400, 403, 422],
    names: /^(model_not_found|model_not_supported|invalid_model|deploymentnotfound)$/,
    words:
      /\bmodel\b.{0,200}\b(does not|doesn't|not) (exist|found)|\bmodel not (exist|found)|^invalid model/i,
  },
  {
    // The size of the account's share, not of the request: another account takes it.
    meaning: busy,
    label: 'rate limit',
    statuses: [413],
    names: /^(rate_limit_exceeded|tokens)$/,
  },
];

/** A 503 with Retry-After or one of these is busy; any other is broken. */
const BUSY_NAMES = /^(overloaded(_error)?|unavailable_error|rate_limit\w*|server_busy|capacity_exceeded)$/;
const BUSY_WORDS =
  /overload|busy|capacity|loading model|is (currently )?loading|no (free )?slots?|queue is full|pending requests/i;

/** What an error object inside a 200 stands for, by its `type` or `code`. */
const statusByName: ReadonlyMap<string, number> = new Map([
  ['invalid_request_error', 400],
  ['badrequesterror', 400],
  ['authentication_error', 401],
  ['billing_error', 402],
  ['permission_error', 403],
  ['not_found_error', 404],
  ['notfounderror', 404],
  ['request_too_large', 413],
  ['rate_limit_error', 429],
  ['rate_limit_exceeded', 429],
  ['insufficient_quota', 429],
  ['overloaded_error', 529],
]);

/** Longest wait that is believed, ms. */
const RETRY_AFTER_MAX_MS = 300_000;

/**
 * What the facts of a failed call mean. Upstream text survives only for the caller's own mistakes, scrubbed
 * (`Failure.detail`); `reason` is always ours.
 */
export function classifyFailure(facts: CallFacts, { phase }: { readonly phase: Phase }): Failure {
  switch (facts.kind) {
    case 'status':
      return { ...classifyStatus(facts), phase };
    case 'connect':
      return { ...fault, phase, reason: systemCode(facts.code) };
    case 'disconnect':
      return { ...fault, phase, reason: `connection lost (${systemCode(facts.code)})` };
    case 'timeout':
      return {
        category: 'fault',
        code: 'upstream_timeout',
        phase,
        reason: `${facts.timer.replace('_', ' ')} timeout`,
      };
    case 'truncated':
      return { category: 'fault', code: 'upstream_truncated', phase, reason: 'ended without a finish' };
    case 'malformed':
      return { ...fault, phase, reason: `malformed answer (${facts.reason})` };
    case 'no_credential':
      return { ...credential, phase, reason: 'no credential' };
    case 'preparing':
      return { ...overloaded, phase, reason: facts.reason, retryAfterMs: facts.retryAfterMs };
  }
}

function classifyStatus(facts: StatusFacts): Omit<Failure, 'phase'> {
  const status = meantStatus(facts);
  const signal = signals.find(
    ({ statuses, names, words }) => statuses.includes(status) && says(facts, names, words),
  );
  const meaning =
    signal?.meaning ?? (status === 503 && isBusy(facts) ? busy : (byStatus.get(status) ?? fault));
  const shown = facts.status >= 400 ? String(facts.status) : `error ${status} inside ${facts.status}`;
  return {
    ...meaning,
    reason: signal ? `${shown}, ${signal.label}` : shown,
    ...(meaning.category === 'backpressure' ? retryAfter(facts) : {}),
    ...(isOfRequest(meaning) ? { detail: detail(facts, status, meaning) } : {}),
  };
}

/** Is it about what the caller wrote, so that the upstream's words are of use? */
function isOfRequest({ category }: Meaning): boolean {
  return category === 'caller' || category === 'unsupported';
}

/** The status itself, or for an error object inside a 200 the one that its `code` or `type` stands for; else 500. */
function meantStatus(facts: StatusFacts): number {
  if (facts.status >= 400) return facts.status;
  const numeric = Number(facts.code);
  if (Number.isInteger(numeric) && numeric >= 400 && numeric <= 599) return numeric;
  const known = namesIn(facts)
    .map((name) => statusByName.get(name))
    .find((status) => status !== undefined);
  // An error that has a signal's name is at least a refusal; without any name it is the provider's own trouble.
  return known ?? (signals.some((signal) => says(facts, signal.names)) ? 400 : 500);
}

function namesIn(facts: StatusFacts): string[] {
  return [facts.code, facts.type].flatMap((name) => (name === undefined ? [] : [name.toLowerCase()]));
}

function says(facts: StatusFacts, named?: RegExp, words?: RegExp): boolean {
  return (
    namesIn(facts).some((name) => named?.test(name)) ||
    (words?.test(facts.message?.slice(0, 2_000) ?? '') ?? false)
  );
}

function isBusy(facts: StatusFacts): boolean {
  return facts.retryAfterMs !== undefined || says(facts, BUSY_NAMES, BUSY_WORDS);
}

function retryAfter({ retryAfterMs }: StatusFacts): Pick<Failure, 'retryAfterMs'> {
  if (retryAfterMs === undefined || Number.isNaN(retryAfterMs)) return {};
  return { retryAfterMs: Math.min(Math.max(0, retryAfterMs), RETRY_AFTER_MAX_MS) };
}

function detail(facts: StatusFacts, status: number, meaning: Meaning): NonNullable<Failure['detail']> {
  const { message, param = meaning.param } = facts;
  const words = scrub(message ?? '');
  return {
    status,
    ...(words === '' ? {} : { message: words }),
    // A member's path, or it is not shown: this too is upstream text.
    ...(param !== undefined && /^[\w.[\]-]{1,64}$/.test(param) ? { param: scrub(param) } : {}),
  };
}

/** `ECONNREFUSED` and its like. Anything else may be text from elsewhere and is not shown. */
function systemCode(code: string): string {
  return /^[A-Z][A-Z0-9_]{1,63}$/.test(code) ? code : 'connection failed';
}
