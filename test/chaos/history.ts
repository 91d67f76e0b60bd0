/**
 * What a campaign recorded. Plain data, Unix ms by the one clock of the campaign's process: the checker is a pure
 * function of it.
 */
export interface Histories {
  readonly clients: readonly ClientHistory[];
  readonly calls: readonly UpstreamCall[];
  readonly faults: readonly Fault[];
  readonly rows: readonly UsageRow[];
  /** Requests with a dead letter. */
  readonly dead: readonly string[];
  /** What should be empty once everything has ended, and how much is in it. */
  readonly leftovers: Readonly<Record<string, number>>;
  /** Processes that ended without having been told to, and what they said at last. */
  readonly crashes: readonly string[];
}

/** One event that a client read: when, what it says, and its text. Of a body: the same parts, read from its JSON. */
export type ClientEvent = readonly [at: number, kind: EventKind, text: string];

/**
 * - `token`: content; its text is one or more tokens of a marked answer
 * - `finish`: a finish reason
 * - `done`: `[DONE]`, or the end of a body with an answer
 * - `error`: a typed error; the text is its code
 * - `odd`: anything that no server of ours should send
 */
export type EventKind = 'token' | 'finish' | 'done' | 'error' | 'odd';

export interface ClientHistory {
  /** Stands in the prompt, and in every token of its answers. */
  readonly marker: string;
  readonly stream: boolean;
  /** The deadline that the client asked for, ms from its sending. */
  readonly timeoutMs: number;
  /**
   * Whether its request outlives its connection, and what it does when that breaks.
   * - `resume`: goes on from the last event that it read
   * - `repeat`: asks again with the same Idempotency-Key
   */
  readonly kept: 'no' | 'resume' | 'repeat';
  /** The api processes that were asked, in turn: `api-3`. */
  readonly apis: readonly string[];
  readonly sentAt: number;
  /** Of the last response; 0 where none came. */
  readonly status: number;
  /** The last `x-request-id`; empty where no response came. */
  readonly request: string;
  readonly events: readonly ClientEvent[];
  /**
   * - `whole`: the response came to its end
   * - `broken`: the connection broke, or could not be made
   * - `left`: the client closed it
   * - `open`: it had not ended when the campaign gave up waiting
   */
  readonly ending: 'whole' | 'broken' | 'left' | 'open';
  readonly endedAt: number;
}

export interface UpstreamCall {
  /** From 1; stands in every token of its answer. */
  readonly number: number;
  readonly marker: string;
  /** From `x-request-id`. */
  readonly request: string;
  /** From `x-request-id`. */
  readonly epoch: number | undefined;
  readonly provider: string;
  /** The worker process that made it: `worker-12`. */
  readonly worker: string;
  readonly script: CallScript['kind'];
  readonly startedAt: number;
  /** How many tokens its whole answer has. */
  readonly planned: number;
  /** How many of them were written. */
  readonly sent: number;
  /** When the first of them was. */
  readonly firstAt: number | undefined;
  /** The answer was written whole, its finish included. */
  readonly finished: boolean;
  /** When its socket was closed, or the answer was through. */
  readonly closedAt: number | undefined;
}

/** What the upstream does with one call. All but `answer` are faults of the upstream. */
export type CallScript =
  | { readonly kind: 'answer' }
  /** A status before any output. */
  | { readonly kind: 'status'; readonly status: number }
  /** Closes before any header. */
  | { readonly kind: 'refuse' }
  /** Sends nothing, not even headers. */
  | { readonly kind: 'hang' }
  /** Closes the connection after so many tokens. */
  | { readonly kind: 'cut'; readonly after: number }
  /** Ends the answer properly after so many tokens, but without a finish. */
  | { readonly kind: 'truncate'; readonly after: number }
  /** Is silent after so many tokens. */
  | { readonly kind: 'stall'; readonly after: number };

export interface Fault {
  /** `starved` is nobody's doing: the machine gave Redis, or those who ask it, no turn for a while. */
  readonly kind: 'kill' | 'freeze' | 'redis-restart' | 'redis-pause' | 'pubsub-cut' | 'starved';
  /** The process it struck; empty for those of Redis. */
  readonly process: string;
  /** The named point at which a process was killed; `any` for a kill at any moment. */
  readonly point: string;
  /** The request at whose point a process was killed; empty where no single one was. */
  readonly request: string;
  readonly from: number;
  /** When the process ran again, or Redis answered again; the same as `from` for what is done in a moment. */
  readonly to: number;
}

export interface UsageRow {
  readonly request: string;
  readonly epoch: number;
  readonly outcome: string;
}
