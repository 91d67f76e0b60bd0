import { setTimeout as delay } from 'node:timers/promises';
import type { Ledger } from '#broker/ledger.js';
import { RecentFrames } from './recent-frames.js';

/** Bytes not yet in the ledger above which the upstream is not read on: what a slow or absent Redis may cost here. */
const HIGH_WATER_BYTES = 1024 * 1024;
/** Pause before a frame that Redis refused (OOM, READONLY) is sent again. */
const REFUSED_PAUSE_MS = 200;

/** What goes out with the seal. */
export interface LastFrame {
  readonly seq: number;
  readonly bytes: Buffer;
  /** Sends again what Redis may have lost; after a seal that it did not take. False: the request is another's now. */
  readonly restore: () => Promise<boolean>;
}

interface FrameWriterOptions {
  readonly ledger: Pick<Ledger, 'append'>;
  readonly request: string;
  readonly epoch: number;
  /** Aborted when the run must stop; ends every wait here. */
  readonly signal: AbortSignal;
  /** The ledger refused a frame: another run holds the request, or it ended. */
  readonly onFenced: () => void;
}

/**
 * Puts a run's frames into the log in order, one append under way at a time: what the upstream sends meanwhile travels
 * together in the next one.
 */
export class FrameWriter {
  private pending: Buffer[] = [];
  private pendingBytes = 0;
  private readonly taken = new RecentFrames();
  private seq = 0;
  private flushing: Promise<void> | undefined;
  private fenced = false;

  constructor(private readonly options: FrameWriterOptions) {}

  /** Takes a frame; the promise, if there is one, asks the caller to wait before it brings more. */
  write(frame: Buffer): Promise<void> | undefined {
    this.pending.push(frame);
    this.pendingBytes += frame.length;
    this.flushing ??= this.flush().finally(() => (this.flushing = undefined));
    return this.pendingBytes > HIGH_WATER_BYTES ? this.flushing : undefined;
  }

  /** Takes frames that need not go before the seal. */
  hold(frames: readonly Buffer[]): void {
    this.pending.push(...frames);
  }

  /** The ledger took no more frames of this run, so what the client has is not the whole answer. */
  get isFenced(): boolean {
    return this.fenced;
  }

  /**
   * Waits for the append under way; what has not been sent yet is the last frame, which belongs to the seal. Where
   * everything was sent, the last frame goes once more: so the seal is refused where the log does not reach to it.
   */
  async finish(): Promise<LastFrame | undefined> {
    const rest = this.takePending();
    await this.flushing;
    if (this.fenced) return undefined;
    const restore = () => this.restore();
    if (rest.length > 0) return { seq: this.seq + 1, bytes: rest, restore };
    const { last } = this.taken;
    return last && { ...last, restore };
  }

  private async flush(): Promise<void> {
    // The rest of the tick's frames come along.
    await Promise.resolve();
    while (this.pending.length > 0 && !this.fenced) {
      this.seq += 1;
      const [seq, bytes] = [this.seq, this.takePending()];
      const accepted =
        (await this.append(seq, bytes)) || ((await this.restore()) && (await this.append(seq, bytes)));
      if (accepted) this.taken.keep({ seq, bytes }, performance.now());
      if (accepted || this.fenced) continue;
      this.fenced = true;
      this.options.onFenced();
    }
  }

  /** Those that Redis still has are taken without effect. */
  private async restore(): Promise<boolean> {
    for (const { seq, bytes } of this.taken) if (!(await this.append(seq, bytes))) return false;
    return this.taken.last !== undefined;
  }

  /** Sends the same frame until Redis takes or fences it: its seq makes a repetition harmless. */
  private async append(seq: number, bytes: Buffer): Promise<boolean> {
    const { ledger, request, epoch, signal } = this.options;
    for (;;) {
      try {
        return await ledger.append({ request, epoch, seq, bytes });
      } catch {
        if (signal.aborted) return false;
        await delay(REFUSED_PAUSE_MS, undefined, { signal }).catch(() => undefined);
      }
    }
  }

  private takePending(): Buffer {
    const bytes =
      this.pending.length === 1 && this.pending[0] ? this.pending[0] : Buffer.concat(this.pending);
    this.pending = [];
    this.pendingBytes = 0;
    return bytes;
  }
}
