import type { Capabilities } from '#core/capabilities.js';
import type { Endpoint } from '#core/endpoint.js';
import type { Received } from '#core/estimate-tokens.js';
import type { CallFacts, Phase } from '#core/failure.js';
import type { CredentialState } from '#core/fleet.js';

/** One upstream call. */
export interface ProviderCall {
  /** The broker's request id. */
  readonly request: string;
  /** The run's epoch. The upstream gets `<request>-<epoch>` as `x-request-id`: one call, one usage row. */
  readonly epoch: number;
  /** The client's body, its own bytes; the provider rewrites only what the upstream needs to differ. */
  readonly body: Buffer;
  readonly endpoint: Endpoint;
  /** The upstream's model name. */
  readonly model: string;
  readonly stream: boolean;
  /** Did the client ask for the usage chunk (`stream_options.include_usage`)? */
  readonly includeUsage: boolean;
  readonly timeouts: CallTimeouts;
  /** What the plan took the target to lack; the body that is sent differs accordingly. Absent: nothing. */
  readonly capabilities?: Capabilities;
}

/** All in ms. The request's deadline is not here: it arrives as the abort signal. */
export interface CallTimeouts {
  /** Streams: from the start of the call to the first output. */
  readonly firstTokenMs: number;
  /** Streams: longest silence after the first output. */
  readonly idleMs: number;
  /** Streams: from the start of the call to its end. Absent: up to the deadline. */
  readonly streamMs?: number;
  /** Non-streams: from the start of the call to the complete answer. */
  readonly responseMs: number;
}

/** One piece of the answer, in the exact bytes the client will get. */
export interface ProviderFrame {
  readonly bytes: Buffer;
  /**
   * Real output: non-empty content, reasoning, refusal, audio or tool call. Until the first of them the caller holds
   * frames back, so that a fallback stays invisible.
   */
  readonly output: boolean;
  /** Nothing follows but the end of the call, so that it may travel with that. */
  readonly last?: true;
}

/** Token counts as the upstream reported them. */
export interface Usage {
  readonly promptTokens: number;
  readonly completionTokens: number;
}

/** How a call ended. A provider client reports; it never throws for anything an upstream does. */
export type CallEnd = {
  readonly usage?: Usage;
  /** What of an answer arrived; absent where nothing did, and where `usage` is that of a whole answer. */
  readonly received?: Received;
  /** Upstream calls that were made, where they may be several and not all of them were counted. Default: 1. */
  readonly calls?: number;
} & (
  | { readonly ok: true }
  /** The signal aborted the call: a cancel, a lost lease, the deadline, a drain. */
  | { readonly ok: false; readonly aborted: true; readonly phase: Phase }
  | { readonly ok: false; readonly aborted: false; readonly phase: Phase; readonly facts: CallFacts }
);

/** An upstream service. One per provider and worker process; holds its connections. */
export interface Provider {
  /**
   * Calls the upstream. A stream yields whole events (`data: …\n\n`), the final `data: [DONE]\n\n` included; a
   * non-stream yields one frame, the whole JSON body. Aborting the signal closes the upstream socket at once, and so
   * does leaving the iteration.
   */
  infer(call: ProviderCall, signal: AbortSignal): AsyncGenerator<ProviderFrame, CallEnd, void>;
  /** What the upstream offers now and whether it takes our credential; used by the heartbeat. Never throws. */
  discover(signal: AbortSignal): Promise<Discovery>;
  close(): Promise<void>;
}

/** `models` is undefined where the upstream could not be asked: keep what was known. */
export interface Discovery {
  readonly models?: readonly string[];
  readonly credential: CredentialState;
  /** Those of them that are in its memory now; undefined where it does not say. */
  readonly loaded?: readonly string[];
  /** Nobody answers at its address. Not set where it was only slow: busy is not away. */
  readonly away?: true;
  /** It answers, but says that it cannot take calls: it loads a model, or its engine is gone. */
  readonly unready?: true;
  /** Whoever answered is a broker like this one, maybe this very one. */
  readonly broker?: true;
}

/** Where a client tells its operator what it does beside the calls. */
export interface ProviderLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}
