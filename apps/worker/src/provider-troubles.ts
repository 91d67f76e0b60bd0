import type { BrokerLog } from '#broker/connection.js';
import type { Failure } from '#core/failure.js';
import type { ProviderTrouble } from '#core/fleet.js';
import type { Discovery } from '#providers/provider.js';

/** An answer ends the trouble only if the last fault was this long ago, ms: half of all calls failing is not well. */
const WELL_AFTER_MS = 10_000;

/**
 * What is wrong with one provider, as this worker sees it, for its heartbeat and its log: told when it begins and when
 * it is over, never at each call.
 */
export class ProviderTroubles {
  private current: { since: number; at: number; reason: string; seen: 'call' | 'look' } | undefined;

  constructor(
    private readonly provider: string,
    private readonly log: BrokerLog,
    /** Unix ms. */
    private readonly now: () => number = Date.now,
  ) {}

  /** Undefined while all is well. */
  get trouble(): ProviderTrouble | undefined {
    return this.current && { reason: this.current.reason, at: this.current.at };
  }

  /** A call failed. Only a fault is the provider's trouble: busy is not broken, and a caller's mistake is not its. */
  failed({ category, reason }: Pick<Failure, 'category' | 'reason'>): void {
    if (category === 'fault') this.note(reason, 'call');
  }

  /** A call was answered. */
  answered(): void {
    if (this.current && this.now() - this.current.at >= WELL_AFTER_MS) this.end();
  }

  /** It was asked what it offers. That it answers says little of its calls. */
  looked({ away, unready }: Pick<Discovery, 'away' | 'unready'>): void {
    if (away) this.note('nobody answers at its address', 'look');
    else if (unready) this.note('it says that it is not ready', 'look');
    else if (this.current?.seen === 'look') this.end();
  }

  private note(reason: string, seen: 'call' | 'look'): void {
    const at = this.now();
    const { current, provider } = this;
    this.current = { since: current?.since ?? at, at, reason, seen };
    if (!current) this.log.warn({ provider, reason }, 'the provider fails; told again when it is well');
  }

  private end(): void {
    const { provider } = this;
    const seconds = Math.round((this.now() - (this.current?.since ?? 0)) / 1_000);
    this.current = undefined;
    this.log.info({ provider, seconds }, 'the provider is well again');
  }
}
