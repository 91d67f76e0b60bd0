import { Redis } from 'ioredis';

const EVERY_MS = 40;
/** How long ago is lately, ms: an answer that was given then may be read now. */
const LATELY_MS = 5_000;

/** Asks Redis all the time how long it takes to say something. */
export class RedisPings {
  private readonly redis: Redis;
  private readonly timer: NodeJS.Timeout;
  private readonly pings: { readonly sentAt: number; tookMs?: number }[] = [];

  constructor(url: string) {
    this.redis = new Redis(url, { maxRetriesPerRequest: null });
    this.redis.on('error', () => undefined);
    this.timer = setInterval(() => void this.ping(), EVERY_MS);
  }

  /** Of those that were sent lately; one without an answer counts for as long as it has waited. */
  worstMs(): number {
    const now = performance.now();
    return Math.max(0, ...this.pings.map(({ sentAt, tookMs }) => tookMs ?? now - sentAt));
  }

  stop(): void {
    clearInterval(this.timer);
    this.redis.disconnect();
  }

  private async ping(): Promise<void> {
    const ping: { readonly sentAt: number; tookMs?: number } = { sentAt: performance.now() };
    this.pings.push(ping);
    while ((this.pings[0]?.sentAt ?? Infinity) < ping.sentAt - LATELY_MS) this.pings.shift();
    await this.redis.ping().catch(() => undefined);
    ping.tookMs = performance.now() - ping.sentAt;
  }
}
