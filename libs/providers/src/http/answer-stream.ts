import type { Received } from '#core/estimate-tokens.js';
import type { CallFacts } from '#core/failure.js';
import type { CallEnd, CallTimeouts, ProviderFrame, Usage } from '../provider.js';
import type { Exchange, ExchangeEvent } from './exchange.js';

export type AnswerStep =
  | { readonly kind: 'frame'; readonly frame: ProviderFrame }
  /** Complete: the client is owed its [DONE]. */
  | { readonly kind: 'complete' }
  | { readonly kind: 'failed'; readonly facts: CallFacts }
  | { readonly kind: 'aborted' };

/** A streamed answer: from what happens on the wire to what the client gets and how it ended. Knows no socket and no clock. */
export interface AnswerStream {
  /** Real output was among the frames. */
  readonly outputSeen: boolean;
  /** The latest counts the upstream gave. */
  readonly usage: Usage | undefined;
  /** How much output was among the frames. */
  readonly received: Received;
  /**
   * The steps that an event leads to, in order. A step that is not a frame is the last one of the stream. `timer` is the
   * one that a timeout is of, where it is not the one for the next piece.
   */
  take(event: ExchangeEvent, timer?: 'stream'): Iterable<AnswerStep>;
}

interface Wire {
  readonly exchange: Exchange;
  /** When the call began, on the `performance.now` clock: the timers count from here. */
  readonly startedAt: number;
  readonly timeouts: CallTimeouts;
}

const DONE: ProviderFrame = { bytes: Buffer.from('data: [DONE]\n\n'), output: false };

/** Reads the answer to its end, under the call's timers, and passes its frames on. */
export async function* relayAnswer(
  stream: AnswerStream,
  { exchange, startedAt, timeouts }: Wire,
): AsyncGenerator<ProviderFrame, CallEnd, void> {
  const usage = () => (stream.usage ? { usage: stream.usage } : {});
  const received = () => (stream.received.deltas > 0 ? { received: stream.received } : {});
  const counted = () => ({ ...received(), ...usage() });
  const phase = () => (stream.outputSeen ? 'visible' : 'headers');
  const firstTokenAt = startedAt + timeouts.firstTokenMs;
  const endAt = startedAt + (timeouts.streamMs ?? Infinity);
  const ended = (facts: CallFacts | undefined): CallEnd => {
    const so = { ok: false, phase: phase(), ...counted() } as const;
    return facts ? { ...so, aborted: false, facts } : { ...so, aborted: true };
  };
  for (;;) {
    const nextAt = stream.outputSeen ? performance.now() + timeouts.idleMs : firstTokenAt;
    const event = await exchange.next(Math.min(nextAt, endAt));
    const { frames, end } = takeAll(stream.take(event, endAt <= nextAt ? 'stream' : undefined));
    if (end?.kind === 'complete') {
      exchange.release();
      yield { ...joined([...frames, DONE]), last: true };
      return { ok: true, ...(stream.usage ? usage() : received()) };
    }
    if (frames.length > 0) {
      yield joined(frames);
      // How the stream ended may be known already; that it was cancelled comes first.
      if (exchange.aborted) return ended(undefined);
    }
    if (end) return ended(end.kind === 'failed' ? end.facts : undefined);
  }
}

type Frames = readonly ProviderFrame[];

/** What one read brought: its frames, and how the stream ended if it did. */
function takeAll(steps: Iterable<AnswerStep>): {
  frames: Frames;
  end?: Exclude<AnswerStep, { kind: 'frame' }>;
} {
  const frames: ProviderFrame[] = [];
  for (const step of steps) {
    if (step.kind !== 'frame') return { frames, end: step };
    frames.push(step.frame);
  }
  return { frames };
}

/** Frames that came together travel together: each step from here to the ledger costs more than its bytes. */
function joined(frames: Frames): ProviderFrame {
  const [first] = frames;
  if (first && frames.length === 1) return first;
  return {
    bytes: Buffer.concat(frames.map(({ bytes }) => bytes)),
    output: frames.some(({ output }) => output),
  };
}
