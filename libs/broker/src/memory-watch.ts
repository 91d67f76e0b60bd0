import type { Redis } from 'ioredis';
import { isFull, parseMemory } from '#core/admission.js';
import type { BrokerLog } from './connection.js';

const LOOK_MS = 1_000;

/**
 * Looks once a second how full Redis is: above a share of its memory no new request may come, so that the answers of
 * those under way still fit.
 */
export class MemoryWatch {
  /** Share of its memory that Redis uses, in percent, while new requests are to be refused. */
  fullPercent: number | undefined;
  private timer: NodeJS.Timeout | undefined;
  private looking = false;

  constructor(
    private readonly redis: Redis,
    private readonly log: BrokerLog,
  ) {}

  /** Resolves after the first look. */
  async start(): Promise<void> {
    this.timer = setInterval(() => void this.look(), LOOK_MS);
    await this.look();
  }

  stop(): void {
    clearInterval(this.timer);
  }

  /** One look. While Redis is away, what was seen last holds. */
  async look(): Promise<void> {
    if (this.looking || this.redis.status !== 'ready') return;
    this.looking = true;
    try {
      this.note(await this.redis.info('memory'));
    } catch (error) {
      if (error instanceof Error && error.message.startsWith('NOPERM')) this.giveUp();
    } finally {
      this.looking = false;
    }
  }

  private note(info: string): void {
    const memory = parseMemory(info);
    if (!memory) return this.giveUp();
    const wasFull = this.fullPercent !== undefined;
    const full = isFull(memory, wasFull);
    this.fullPercent = full ? Math.floor((memory.used / memory.max) * 100) : undefined;
    if (full === wasFull) return;
    const { used: usedBytes, max: maxBytes } = memory;
    if (full) this.log.warn({ usedBytes, maxBytes }, 'Redis is nearly full; no new requests are taken');
    else this.log.info({ usedBytes, maxBytes }, 'Redis has room again; new requests are taken');
  }

  private giveUp(): void {
    this.stop();
    this.fullPercent = undefined;
    this.log.warn({}, 'Redis does not tell how full it is (INFO memory); new requests are taken until it is');
  }
}
