import type { Ledger } from './ledger.js';
import { FrameReader, requestLost } from './frame-reader.js';
import type { ProcessChannel } from './process-channel.js';

const ATTEND_MS = 1_000;
/** Requests attended in one script call: bounds how long Redis is busy with it. */
const ATTEND_BATCH = 200;

/**
 * The readers of this process. Once a second it tells the ledger which requests have a reader here (one without any
 * is cancelled), and learns in the same call how far each log is: so a lost message costs at most a second.
 */
export class FrameHub {
  private readonly readers = new Map<string, { reader: FrameReader; accepted: boolean }>();
  private timer: NodeJS.Timeout | undefined;
  private attending = false;

  constructor(
    private readonly ledger: Ledger,
    private readonly channel: ProcessChannel,
  ) {
    channel.whenReconnected(() => {
      for (const { reader } of this.readers.values()) reader.catchUp();
    });
  }

  start(): void {
    this.timer = setInterval(() => void this.attend(), ATTEND_MS);
  }

  stop(): void {
    clearInterval(this.timer);
    for (const { reader } of this.readers.values()) reader.close();
  }

  /** Opens a reader; do so before the request is accepted, so that nothing is published to nobody. */
  open(request: string): FrameReader {
    const ignore = this.channel.listen(request, (message) => reader.receive(message));
    const reader = new FrameReader(
      request,
      (cursor, count) => this.ledger.read(request, cursor, count),
      () => {
        ignore();
        this.readers.delete(request);
      },
    );
    this.readers.set(request, { reader, accepted: false });
    return reader;
  }

  /** From now on the ledger must know this request: if it does not, its reader fails. False: its reader is closed. */
  expect(request: string): boolean {
    const open = this.readers.get(request);
    if (open) open.accepted = true;
    return open !== undefined;
  }

  /** One round; runs every second, and never twice at once. */
  async attend(): Promise<void> {
    if (this.attending) return;
    this.attending = true;
    try {
      const ids = [...this.readers].filter(([, { accepted }]) => accepted).map(([id]) => id);
      for (let i = 0; i < ids.length; i += ATTEND_BATCH)
        await this.attendSome(ids.slice(i, i + ATTEND_BATCH));
    } catch {
      // Redis is away: readers that wait for it try again at the next round.
      for (const { reader } of this.readers.values()) reader.catchUp();
    } finally {
      this.attending = false;
    }
  }

  private async attendSome(ids: readonly string[]): Promise<void> {
    for (const [id, { last, state, position, paceMs }] of await this.ledger.attend(ids)) {
      const reader = this.readers.get(id)?.reader;
      if (!reader) continue;
      if (state === '') {
        reader.fail(requestLost(id));
        continue;
      }
      const waiting = state === 'waiting';
      reader.status = {
        state,
        ...(waiting && { position }),
        ...(waiting && paceMs !== undefined && { etaMs: position * paceMs }),
      };
      reader.checkTail(last);
    }
  }
}
