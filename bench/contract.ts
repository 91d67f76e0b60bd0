/**
 * What the scripted upstream does with one call. It travels in the text of the call's last message, the one part that
 * every proxy passes on as it is.
 */
export interface Script {
  /** Unique in a run; the upstream's events and answers name it, so an answer of another call is seen at once. */
  readonly id: string;
  /** Events with text, of a stream; words of the text, of a whole answer. */
  readonly events: number;
  /** Pause between two events of a stream, ms; 0: all at once. */
  readonly gapMs: number;
  /** Pause before anything is answered, ms. */
  readonly delayMs: number;
}

/** The text of a message that carries a script; `padding` may follow it. */
export function writeScript({ id, events, gapMs, delayMs }: Script): string {
  return `<bench ${id} ${events} ${gapMs} ${delayMs}>`;
}

/** The script in a call's body, as bytes; undefined: it has none. */
export function readScript(body: string): Script | undefined {
  const [, id, events, gapMs, delayMs] = /<bench (\S+) (\d+) (\d+) (\d+)>/.exec(body) ?? [];
  if (id === undefined) return undefined;
  return { id, events: Number(events), gapMs: Number(gapMs), delayMs: Number(delayMs) };
}

/** The text of event `index` (from 0) of a call. */
export function eventText(id: string, index: number): string {
  return `${id}:${index} `;
}

/** What is asked, over and over. */
export interface Workload {
  readonly stream: boolean;
  readonly events: number;
  readonly gapMs: number;
  readonly delayMs: number;
  /** Bytes of text behind the script. Default 0. */
  readonly promptBytes?: number;
  /** Bytes of a data URL in an image part. Default none. */
  readonly imageBytes?: number;
  /** Each client leaves after this many events of its stream. Default: never. */
  readonly leaveAfter?: number;
}

/** How it is asked. */
export type Loop =
  | { readonly kind: 'closed'; readonly concurrency: number; readonly durationMs: number }
  /** As many as that and then no more; each ends by itself. */
  | { readonly kind: 'burst'; readonly requests: number; readonly perSecond?: number }
  /** Latency counts from when a request was due, not from when it could be sent. */
  | { readonly kind: 'open'; readonly perSecond: number; readonly durationMs: number };

export interface Load {
  /** Of the chat completions, whole. */
  readonly url: string;
  /** Beside content-type and content-length. */
  readonly headers: Readonly<Record<string, string>>;
  readonly model: string;
  readonly workload: Workload;
  readonly loop: Loop;
}

/** Percentiles of a figure; ms unless said otherwise. */
export interface Percentiles {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
}

export interface LoadResult {
  /** Answered whole and right. */
  readonly answered: number;
  /** Text events that arrived. */
  readonly events: number;
  /** From the first request's sending to the last answer's end, ms. */
  readonly elapsedMs: number;
  readonly latency: Percentiles;
  /** Until the first byte of the first event with text (of a whole answer: of its body). */
  readonly firstChunk: Percentiles;
  /** Between two text events of a stream. */
  readonly gap: Percentiles;
  /** Each answer that was not right: status, lost, doubled, reordered or foreign bytes. At most 20 are told. */
  readonly wrong: readonly string[];
  readonly wrongCount: number;
  /** CPU of the load generator itself, ms. */
  readonly cpuMs: number;
}

/** The name of a process of a target, as the table shows it. */
export type Role = 'proxy' | 'api' | 'worker' | 'redis';

export interface TargetProcess {
  readonly role: Role;
  readonly pid: number;
}

/** What lies between the load and the upstream; running. */
export interface Target {
  readonly name: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly model: string;
  /** None of `direct`. */
  readonly processes: readonly TargetProcess[];
  /** Its Redis, if it has one. */
  readonly redisUrl?: string;
  stop(): Promise<void>;
}

/** How a kind of target is started, or why it cannot be on this machine (no network, no Python…). */
export type TargetStart = (upstreamUrl: string) => Promise<Target | { readonly missing: string }>;
