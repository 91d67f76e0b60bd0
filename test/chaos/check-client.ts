import type { FaultTimes } from './fault-times.js';
import type { ClientEvent, ClientHistory, UpstreamCall } from './history.js';

export interface Violation {
  /** The promise that was broken, by a short name. */
  readonly rule: Rule;
  /** The client's marker or the request; empty where it is about all of them. */
  readonly about: string;
  readonly text: string;
}

export type Rule =
  | 'ends-once'
  | 'in-time'
  | 'one-run'
  | 'truncated'
  | 'cancelled'
  | 'given-up'
  | 'one-at-a-time'
  | 'cause'
  | 'one-execution'
  | 'usage'
  | 'leftover'
  | 'crash';

export interface ClientContext {
  /** The upstream calls made for this client's prompt, in order. */
  readonly calls: readonly UpstreamCall[];
  readonly times: FaultTimes;
  readonly dead: ReadonlySet<string>;
}

/** Past its deadline, ms: the promise, and what the way to Redis may take on a machine that is busy. */
const LATE_MS = 2_000 + 1_000;
/** From a client's leaving, or a request's end, until no call starts any more, ms. */
const LAST_CALL_MS = 1_000;
/** From a client's leaving until its call's socket is closed, ms: far above the 99th percentile, which is reported. */
const CLOSED_MS = 5_000;
/** An orphan is found after 30 s without its reader. */
const ORPHANED_MS = 35_000;
/** A call may begin while the socket of the one before it is still being closed, ms. */
const HANDOVER_MS = 1_000;

type Report = (rule: Rule, text: string) => void;

/** Every promise that one client's history, and the calls made for it, can show broken. */
export function checkClient(client: ClientHistory, context: ClientContext): Violation[] {
  const violations: Violation[] = [];
  const report: Report = (rule, text) => violations.push({ rule, about: client.marker, text });
  checkEnd(client, context, report);
  checkTokens(client, context, report);
  checkCause(client, context, report);
  checkCalls(client, context, report);
  return violations;
}

/** It ended once, with an answer or one typed error, in time, and nothing came behind that. */
function checkEnd(client: ClientHistory, { times }: ClientContext, report: Report): void {
  const { events, ending, sentAt, timeoutMs, endedAt, apis, status } = client;
  const ends = events.filter(([, kind]) => kind === 'done' || kind === 'error');
  if (ends.length > 1) report('ends-once', `has ${ends.length} ends: ${show(ends)}`);
  const end = events.findIndex((event) => event === ends[0]);
  if (end >= 0 && end < events.length - 1)
    report('ends-once', `goes on behind its end: ${show(events.slice(end))}`);
  if (ending === 'whole' && ends.length === 0)
    report('ends-once', `ended with ${status} and neither answer nor error`);
  if (ending === 'open') report('ends-once', `has not ended ${endedAt - sentAt} ms after it was sent`);
  const odd = events.filter(([, kind]) => kind === 'odd');
  if (odd.length > 0) report('ends-once', `read what no server of ours sends: ${show(odd)}`);
  const answered = ends[0]?.[1] === 'done';
  if (ending === 'whole' && (status === 200 ? !answered && !client.stream : answered))
    report('ends-once', `status ${status} with ${show(ends)}`);
  const latest = times.latest(sentAt + timeoutMs, LATE_MS, ...apis);
  if (endedAt > latest) report('in-time', `ended ${endedAt - sentAt - timeoutMs} ms after its deadline`);
}

/** What it read is the beginning of one call's output, and all of it if it was told so. */
function checkTokens({ marker, events }: ClientHistory, { calls }: ClientContext, report: Report): void {
  const tokens = events.flatMap(([, kind, text]) =>
    kind === 'token' ? text.split(' ').filter(Boolean) : [],
  );
  const number = Number(tokens[0]?.split('/')[1]);
  const call = calls.find((each) => each.number === number);
  const claimsEnd = events.find(([, kind]) => kind === 'done' || kind === 'finish');
  if (tokens.length === 0) {
    if (claimsEnd) report('truncated', `was told ${show([claimsEnd])} without a token`);
    return;
  }
  if (!call) return report('one-run', `read ${tokens[0]}, which no call for it wrote`);
  const wrong = tokens.findIndex((token, index) => token !== `${marker}/${number}/${index}`);
  if (wrong >= 0) report('one-run', `read ${tokens[wrong]} as token ${wrong} of call ${number}`);
  if (tokens.length > call.planned) report('one-run', `read ${tokens.length} of ${call.planned} tokens`);
  if (!claimsEnd) return;
  if (tokens.length < call.planned || !call.finished || call.script !== 'answer')
    report('truncated', `was told ${show([claimsEnd])} after ${tokens.length} of ${call.planned} tokens`);
  if (!events.some(([, kind, text]) => kind === 'finish' && text === 'stop'))
    report('truncated', 'was told that it ended well, without a finish');
}

/** Nothing fails without a fault that explains it. */
function checkCause(client: ClientHistory, context: ClientContext, report: Report): void {
  const { ending, sentAt, endedAt, apis } = client;
  const api = apis.at(-1) ?? '';
  if (ending === 'broken' && !context.times.struck(api, sentAt - 1_000, endedAt + 1_000, 'kill'))
    report('cause', `its connection broke, though ${api} lived on`);
  if (ending === 'broken' && client.kept !== 'no' && client.request !== '')
    report('ends-once', 'its request was kept, and nobody could tell how it ended');
  const [, , code] = client.events.find(([, kind]) => kind === 'error') ?? [];
  if (code !== undefined && !isExplained(code, client, context))
    report('cause', `failed with ${code}, and no fault explains that: ${showCalls(context.calls, client)}`);
}

function isExplained(code: string, client: ClientHistory, { calls, times, dead }: ClientContext): boolean {
  const { request, sentAt, timeoutMs, endedAt } = client;
  switch (code) {
    case 'internal_error':
      return dead.has(request);
    case 'deadline_exceeded':
    case 'queue_timeout':
      return endedAt - sentAt >= timeoutMs - 250;
    case 'stream_interrupted':
    case 'upstream_error':
    case 'upstream_timeout':
    case 'upstream_truncated':
      return calls.some(
        ({ script, worker, startedAt }) =>
          script !== 'answer' ||
          times.struck(worker, startedAt, endedAt) ||
          times.redisAway(startedAt, endedAt),
      );
    // An honest refusal with nothing accepted: on a busy machine Redis may seem to be away. How often is reported.
    case 'redis_unavailable':
      return calls.length === 0;
    // Another request's refusal may keep a target from this one.
    case 'rate_limit_exceeded':
    case 'no_provider_available':
      return true;
    default:
      return false;
  }
}

/** No call starts once nobody waits for it, the running one is closed, and no two run at once without a reason. */
function checkCalls(client: ClientHistory, { calls, times }: ClientContext, report: Report): void {
  const { ending, endedAt, apis, kept } = client;
  // Only an end that was told is the end of a kept request.
  if (kept !== 'no' && ending !== 'whole') return;
  // Nobody tells the ledger that a client of a killed api is gone: it is found.
  const isKilled = (api: string) => times.struck(api, client.sentAt - 1_000, endedAt + LAST_CALL_MS, 'kill');
  const isOrphan = ending !== 'whole' && apis.some(isKilled);
  const rule = ending === 'whole' ? 'given-up' : 'cancelled';
  const lastCallMs = isOrphan ? ORPHANED_MS : LAST_CALL_MS;
  calls.forEach((call, index) => {
    const { number, worker, startedAt, closedAt = Infinity } = call;
    const late = startedAt - endedAt;
    if (startedAt > times.latest(endedAt, lastCallMs, ...apis, worker))
      report(rule, `call ${number} started ${late} ms after its end`);
    const closedMs = isOrphan ? ORPHANED_MS : CLOSED_MS;
    if (closedAt > times.latest(endedAt, closedMs, ...apis, worker))
      report(rule, `call ${number} was still open ${closedAt - endedAt} ms after its end`);
    const next = calls[index + 1];
    if (!next || closedAt <= next.startedAt + HANDOVER_MS) return;
    if (!times.struck(worker, startedAt, next.startedAt) && !times.redisAway(startedAt, next.startedAt))
      report('one-at-a-time', `call ${next.number} started while call ${number} of ${worker} was open`);
  });
}

function showCalls(calls: readonly UpstreamCall[], { endedAt }: ClientHistory): string {
  const shown = calls.map(({ number, worker, provider, script, startedAt, closedAt, sent, planned }) => {
    const times = [startedAt, closedAt].map((at) => (at === undefined ? '-' : at - endedAt)).join('..');
    return `call ${number} by ${worker} to ${provider} (${script}, ${sent} of ${planned}) at ${times}`;
  });
  return shown.join('; ') || 'no call';
}

function show(events: readonly ClientEvent[]): string {
  const shown = events.slice(0, 5).map(([, kind, text]) => `${kind} ${text}`.trim());
  return shown.join(', ') + (events.length > shown.length ? ', …' : '');
}
