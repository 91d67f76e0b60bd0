import type { CallEnd, ProviderFrame } from '../provider.js';

type Iteration = AsyncGenerator<ProviderFrame, CallEnd, void>;
type Step = IteratorResult<ProviderFrame, CallEnd>;

/** What one of the calls brought. */
interface Arrival {
  readonly call: number;
  readonly step: Step;
}

/** What a call that is left is told to end with; nobody reads it. */
const LEFT: CallEnd = { ok: false, aborted: true, phase: 'not_sent' };

/**
 * Several calls at once, as one sequence in the order in which things arrive. Each is asked for more only when what it
 * brought was taken, so that a slow reader slows all of them down, and each runs its own timers.
 */
export class ParallelCalls {
  private readonly arrived: Promise<Arrival>[] = [];
  /** Those to be asked again. */
  private idle: number[];
  private wake: (() => void) | undefined;

  constructor(private readonly iterations: readonly Iteration[]) {
    this.idle = iterations.map((_, call) => call);
  }

  /** The next arrival. Rejects where a call does. One caller at a time; not after every call has ended. */
  async next(): Promise<Arrival> {
    for (const call of this.idle.splice(0)) this.ask(call);
    if (this.arrived.length === 0) await new Promise<void>((resolve) => (this.wake = resolve));
    const arrival = await this.arrived.shift();
    if (!arrival) throw new Error('Every call had ended.');
    if (!arrival.step.done) this.idle.push(arrival.call);
    return arrival;
  }

  /** Leaves every call; resolves when they are over. */
  async close(): Promise<void> {
    await Promise.allSettled(this.iterations.map((iteration) => iteration.return(LEFT)));
  }

  /** Not a race: what waits long would collect a listener for each arrival of the others. */
  private ask(call: number): void {
    const step = this.iterations[call]?.next();
    if (!step) return;
    const arrival = step.then((taken) => ({ call, step: taken }));
    const settled = () => {
      this.arrived.push(arrival);
      this.wake?.();
    };
    arrival.then(settled, settled);
  }
}
