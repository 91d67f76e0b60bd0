import type { Redis } from 'ioredis';

/** How often Redis is asked whether it lives while somebody waits for it, or for its return, ms. */
const BEAT_MS = 50;
/** How often otherwise, ms. */
const REST_BEAT_MS = 1_000;
/** How long after the last one who waited Redis is still asked as often as for him, ms: others mostly follow. */
const LINGER_MS = 1_000;
/**
 * Silence after which Redis counts as away, ms. With a beat it makes 200: a client is to have its 503 within 300.
 */
const SILENT_MS = 150;
/** A silence younger than this may be but a moment in which Redis had no processor, ms. */
const HICCUP_MS = 1_000;

/**
 * Tells those who wait within a fifth of a second that Redis has stopped answering, which no command's own timeout can:
 * one that hangs and one that is slow look alike. While nobody waits it is slow, and knows after a good second. On a
 * connection of its own, so that no large command is in its way.
 */
export class Pulse {
  private timer: NodeJS.Timeout | undefined;
  private isFast = false;
  /** How many wait, and when the last of them came, by `performance.now()`. */
  private waiting = 0;
  private wantedAt = -Infinity;
  private stopped = false;
  private silence: NodeJS.Timeout | undefined;
  /** Since when an answer is missing, by `performance.now()`. */
  private askedAt: number | undefined;
  private beating = false;
  private pinging = false;
  /** When it last stopped beating, by `performance.now()`. */
  private silentAt = -Infinity;
  private readonly onSilent = new Set<() => void>();
  private readonly onBack = new Set<() => void>();

  constructor(private readonly redis: Redis) {
    redis.on('close', () => this.ask());
    redis.on('ready', () => this.beat());
  }

  /** Resolves once Redis has answered. */
  async start(): Promise<void> {
    this.hurry();
    if (this.beating) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.onBack.add(resolve);
    await promise;
    this.onBack.delete(resolve);
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
    clearTimeout(this.silence);
  }

  /** Has Redis answered lately: within the last second, or sooner while somebody waits? */
  get isBeating(): boolean {
    return this.beating;
  }

  /** Is Redis asked often now? */
  get isHurried(): boolean {
    return this.isFast;
  }

  /** Resolves, within `patienceMs`, with whether Redis answers; at once where it does, or has not for a while. */
  async answers(patienceMs: number): Promise<boolean> {
    if (this.beating || performance.now() - this.silentAt > HICCUP_MS) return this.beating;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, patienceMs);
    this.onBack.add(resolve);
    await promise;
    this.onBack.delete(resolve);
    clearTimeout(timer);
    return this.beating;
  }

  /** Calls back each time that Redis answers again. */
  whenBack(callback: () => void): void {
    this.onBack.add(callback);
  }

  /**
   * What `sent` comes to; rejects with `RedisSilent` where Redis stops answering before that, and is still silent when
   * `patienceMs` have passed since this call.
   */
  async guard<T>(sent: Promise<T>, patienceMs: number): Promise<T> {
    const { promise: silent, reject } = Promise.withResolvers<never>();
    const patientUntil = performance.now() + patienceMs;
    let timer: NodeJS.Timeout | undefined;
    const giveUp = () => {
      if (!this.beating) reject(new RedisSilent());
    };
    const onSilent = () => {
      clearTimeout(timer);
      timer = setTimeout(giveUp, Math.max(0, patientUntil - performance.now()));
    };
    this.onSilent.add(onSilent);
    this.waiting += 1;
    // What the last beat said may be a second old.
    this.hurry();
    try {
      return await Promise.race([sent, silent]);
    } finally {
      this.waiting -= 1;
      this.onSilent.delete(onSilent);
      clearTimeout(timer);
    }
  }

  /** Asks at once, unless that was done lately, and often from now on. */
  private hurry(): void {
    this.wantedAt = performance.now();
    if (this.isFast || this.stopped) return;
    this.isFast = true;
    this.beatAndGoOn();
  }

  private beatAndGoOn(): void {
    const isWanted = this.waiting > 0 || performance.now() - this.wantedAt < LINGER_MS;
    this.isFast = isWanted || !this.beating;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.beatAndGoOn(), this.isFast ? BEAT_MS : REST_BEAT_MS);
    this.beat();
  }

  private beat(): void {
    if (this.pinging) return;
    this.ask();
    if (this.redis.status !== 'ready') return;
    this.pinging = true;
    this.redis
      .ping()
      .then(
        () => this.answered(),
        // Loading, busy with a script, or the connection is lost: no answer yet.
        () => undefined,
      )
      .finally(() => (this.pinging = false));
  }

  /** From now on an answer is missing. */
  private ask(): void {
    if (this.askedAt !== undefined) return;
    const askedAt = performance.now();
    this.askedAt = askedAt;
    // Where this process itself was busy for so long, what Redis answered meanwhile is read first.
    this.silence = setTimeout(() => setImmediate(() => this.judge(askedAt)), SILENT_MS);
  }

  private judge(askedAt: number): void {
    if (this.askedAt !== askedAt || !this.beating) return;
    this.beating = false;
    this.silentAt = performance.now();
    this.hurry();
    for (const giveUp of this.onSilent) giveUp();
  }

  private answered(): void {
    this.askedAt = undefined;
    clearTimeout(this.silence);
    if (this.beating) return;
    this.beating = true;
    for (const callback of this.onBack) callback();
  }
}

/** Redis has stopped answering; what was sent may or may not have been done. */
class RedisSilent extends Error {
  override readonly name = 'RedisSilent';
  constructor() {
    super('Redis does not answer');
  }
}
