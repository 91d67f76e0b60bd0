import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { readBreaker, readCoolDown, readHealth } from '#core/health-field.js';
import { claimProbe, holdsProbe, isForgotten, noteCall, noteCoolDown, waitFor } from '#core/health.js';
import type { CallResult, Health, Refusal } from '#core/health.js';
import { targetKey } from '#core/target-key.js';
import type { Target } from '#core/target.js';
import type { Keys } from './keys.js';
import { REDIS_CLOCK, Script, text } from './script.js';

/** Tries to write one change; each that fails means that another process wrote one. */
const TRIES_MAX = 50;
const NEWLINE = 0x0a;

/** May the target be called? `probe`: as the one call that a half-open breaker lets through. */
export type Admission =
  { readonly kind: 'call'; readonly probe: boolean } | { readonly kind: 'skip'; readonly why: Refusal };

/** A call that has ended, or come to its first output. */
export interface ReportedCall {
  readonly request: string;
  readonly target: Target;
  /** As its admission said. */
  readonly probe: boolean;
  readonly result: CallResult;
}

/** One step of a field's value, as text; '' stands for no such field. */
type Step = (value: string) => string;

/** Steps of one field that wait for their turn: one write at a time, which takes all that wait. */
interface Line {
  readonly steps: Step[];
  written?: Promise<void>;
}

/**
 * How the providers do, shared by all processes: each has a whole copy, read once a second and told of every change at
 * once, so that looking costs nothing. A change is decided on the copy, by core, and written only if nobody was faster;
 * else it is decided anew. While Redis takes no writes, nothing is learned.
 */
export class HealthStore {
  private readonly fields = new Map<string, string>();
  private readonly lines = new Map<string, Line>();
  private readonly script = new Script('health', [], REDIS_CLOCK);
  private readonly channel: string;
  /** With the number of the write it tells a text of ours from another process's. */
  private readonly name = randomUUID();
  private writes = 0;
  /** Of Redis's clock to this process's monotonic one, ms. */
  private offset = Date.now() - performance.now();
  /** What the fields say; undefined since one of them changed. */
  private parsed: Omit<Health, 'now'> | undefined;

  constructor(
    private readonly redis: Redis,
    private readonly keys: Keys,
    /** Default: Redis's. */
    private readonly clock?: () => number,
  ) {
    this.channel = `${keys.channels}health`;
  }

  /** Hears of changes on this connection from now on. */
  async listen(subscriber: Redis): Promise<void> {
    subscriber.on('messageBuffer', (channel: Buffer, message: Buffer) => {
      if (channel.toString() !== this.channel) return;
      const end = message.indexOf(NEWLINE);
      this.put(message.toString('utf8', end + 1), message.toString('utf8', 0, end));
    });
    await subscriber.subscribe(this.channel);
  }

  /** Reads everything anew, and forgets cool-downs of long ago. Rejects when Redis does not answer. */
  async refresh(): Promise<void> {
    const [[seconds, micros], all] = await Promise.all([
      this.redis.time(),
      this.redis.hgetall(this.keys.health),
    ]);
    this.offset = Number(seconds) * 1_000 + Number(micros) / 1_000 - performance.now();
    this.fields.clear();
    this.parsed = undefined;
    for (const [field, value] of Object.entries(all)) this.put(field, value);
    for (const [field, coolDown] of this.view().coolDowns) {
      if (isForgotten(coolDown, this.now())) void this.change(field, this.forgetting());
    }
  }

  /** As of now. */
  view(): Health {
    this.parsed ??= readHealth(this.fields, 0);
    return { ...this.parsed, now: this.now() };
  }

  /** Asked before each call. Costs a write only where the breaker is half-open: then one call over all processes may go. */
  async admit(request: string, target: Target): Promise<Admission> {
    const { provider } = target;
    const { why } = waitFor(target, this.view());
    const known = this.view().breakers.get(provider);
    // The same request again, after its worker died: the probe is still its own.
    if (why !== 'cooling' && holdsProbe(known, request)) return { kind: 'call', probe: true };
    if (why) return { kind: 'skip', why };
    if (!known?.open) return { kind: 'call', probe: false };
    await this.change(provider, (value) =>
      this.write(readBreaker(value), claimProbe, { request, now: this.now() }, value),
    );
    const breaker = this.view().breakers.get(provider);
    if (holdsProbe(breaker, request)) return { kind: 'call', probe: true };
    // Another one has it; or has closed the breaker meanwhile.
    return breaker?.open ? { kind: 'skip', why: 'open' } : { kind: 'call', probe: false };
  }

  /** Notes what a call says of its provider. Resolves once this process's own copy has it. Never rejects. */
  async report({ request, target, probe, result }: ReportedCall): Promise<void> {
    const call = () => ({ request, probe, result, now: this.now() });
    if (this.teachesNothing(target, call())) return;
    await Promise.all([
      this.change(target.provider, (value) => this.write(readBreaker(value), noteCall, call(), value)),
      this.change(targetKey(target), (value) => this.write(readCoolDown(value), noteCoolDown, call(), value)),
    ]);
  }

  /** What nearly every call says: that its provider goes on as it was. */
  private teachesNothing(target: Target, call: Parameters<typeof noteCall>[1]): boolean {
    const key = targetKey(target);
    if (this.lines.has(target.provider) || this.lines.has(key)) return false;
    const { breakers, coolDowns } = this.view();
    const [breaker, coolDown] = [breakers.get(target.provider), coolDowns.get(key)];
    return noteCall(breaker, call) === breaker && noteCoolDown(coolDown, call) === coolDown;
  }

  private now(): number {
    return this.clock?.() ?? performance.now() + this.offset;
  }

  private forgetting(): Step {
    return (value) => (isForgotten(readCoolDown(value), this.now()) ? '' : value);
  }

  private change(field: string, step: Step): Promise<void> {
    const line = this.lines.get(field) ?? { steps: [] };
    const known = this.fields.get(field) ?? '';
    if (!line.written && step(known) === known) return Promise.resolve();
    line.steps.push(step);
    this.lines.set(field, line);
    line.written ??= this.writeAll(field, line.steps);
    return line.written;
  }

  private async writeAll(field: string, waiting: Step[]): Promise<void> {
    while (waiting.length > 0) {
      const steps = waiting.splice(0);
      await this.swap(field, (value) => steps.reduce((each, step) => step(each), value));
    }
    // In the same tick as the last look: what comes now begins a line of its own.
    this.lines.delete(field);
  }

  private async swap(field: string, step: Step): Promise<void> {
    for (let tries = 0; tries < TRIES_MAX; tries += 1) {
      const before = this.fields.get(field) ?? '';
      const after = step(before);
      if (after === before) return;
      const held = await this.set(field, before, after);
      if (held === undefined) return;
      this.put(field, held);
      if (held === after) return;
    }
  }

  /** What the field holds then; undefined where Redis refused it (OOM, READONLY…): health is not worth insisting. */
  private async set(field: string, before: string, after: string): Promise<string | undefined> {
    try {
      return text(
        await this.script.run(this.redis, [this.keys.health], [this.channel, field, before, after]),
      );
    } catch {
      return undefined;
    }
  }

  private put(field: string, value: string): void {
    this.parsed = undefined;
    if (value === '') this.fields.delete(field);
    else this.fields.set(field, value);
  }

  /**
   * The text of what `note` makes of `known`; the same text where that is the same object. No two are alike: where two
   * processes counted one more, the later would take the other's text for its own.
   */
  private write<Known, Fact>(
    known: Known | undefined,
    note: (known: Known | undefined, fact: Fact) => Known | undefined,
    fact: Fact,
    value: string,
  ): string {
    const noted = note(known, fact);
    if (noted === known) return value;
    this.writes += 1;
    return noted === undefined ? '' : JSON.stringify({ ...noted, by: `${this.name}-${this.writes}` });
  }
}
