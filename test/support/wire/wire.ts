import type { Behaviour } from '../upstream-behaviours.js';
import type { LiveCall } from '../upstream-call.js';
import type { Gate } from '../upstream-gate.js';
import { passGate, toTokens, type Step } from '../upstream-steps.js';
import type { Upstream } from '../upstream.js';

/** What a scripted model says, whichever the wire. */
export interface Said {
  /** Thoughts before the answer, signed; with `encrypted` nobody but the provider can read them. */
  readonly thought?: { readonly text: string; readonly signature: string; readonly encrypted?: true };
  readonly text?: string;
  readonly toolCalls?: readonly SaidCall[];
  /** Default: `stop`, or `tool_calls` where there are some. */
  readonly finish?: 'stop' | 'length' | 'tool_calls' | 'content_filter';
}

export interface SaidCall {
  readonly id: string;
  readonly name: string;
  readonly input: Readonly<Record<string, unknown>>;
  /** Of the call itself, where a wire signs calls. */
  readonly signature?: string;
}

export interface WireError {
  readonly message?: string;
  /** As the wire names it: `overloaded_error`, `RESOURCE_EXHAUSTED`, `ThrottlingException`. */
  readonly type?: string;
  readonly retryAfter?: string;
}

/** A provider's own wire format, for scripting an upstream that speaks it. */
export interface Wire<Kind extends string = 'anthropic' | 'gemini' | 'bedrock'> {
  readonly kind: Kind;
  readonly start: () => Promise<Upstream>;
  /** As a provider of the kind is configured with. */
  readonly baseUrl: (upstream: Upstream) => string;
  /** Says it whole or as a stream, as it is asked; with a gate, each step of a stream and the whole waits for a pass. */
  readonly says: (said: Said, options?: { readonly gate?: Gate }) => Behaviour;
  /** A response with this status. */
  readonly error: (status: number, error?: WireError) => Behaviour;
  /** A stream of these steps, which then ends; the wire's own, and those of any stream: `hangOn`, `dropHere`. */
  readonly stream: (...steps: readonly Step[]) => Behaviour;
  /** The steps before the first token of a text. */
  readonly begin: () => Step;
  readonly token: (text: string) => Step;
  /** The steps after the last token of a text. */
  readonly finish: (reason?: NonNullable<Said['finish']>) => Step;
  /** An error inside a stream; by itself the kind's way to say that it is too busy. */
  readonly errorStep: (error?: WireError) => Step;
  /** Vectors for each input; absent where the kind has no embeddings. */
  readonly embeddings?: () => Behaviour;
  readonly modelList: (...names: readonly string[]) => Behaviour;
}

/** Known counts of every answer, so that tests can compare. */
export const COUNTS = { prompt: 11, cached: 4, completion: 9, reasoning: 3 } as const;

export function finishOf({ finish, toolCalls = [] }: Said): NonNullable<Said['finish']> {
  return finish ?? (toolCalls.length > 0 ? 'tool_calls' : 'stop');
}

/** Each step waits for a pass. */
export function gated(steps: readonly Step[], gate: Gate | undefined): readonly Step[] {
  return gate ? steps.flatMap((step) => [passGate(gate), step]) : steps;
}

/** The whole, once the gate lets it. */
export function gatedWhole(behaviour: Behaviour, gate: Gate | undefined): Behaviour {
  return async (call: LiveCall) => {
    await gate?.pass(call.closed);
    await behaviour(call);
  };
}

/** Several steps as one. */
export function sequence(...steps: readonly Step[]): Step {
  return async (writer) => {
    for (const step of steps) await step(writer);
  };
}

/** The two halves of a text, so that what comes in pieces comes in more than one. */
export function halves(text: string): readonly [string, string] {
  const middle = Math.ceil(text.length / 2);
  return [text.slice(0, middle), text.slice(middle)];
}

export function wordsOf(text: string | undefined): readonly string[] {
  return text === undefined || text === '' ? [] : toTokens(text);
}
