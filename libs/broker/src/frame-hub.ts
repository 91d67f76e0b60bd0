import type { Ledger } from './ledger.js';
import type { Attended } from './ledger-replies.js';
import { FrameReader, requestLost, type RequestStatus } from './frame-reader.js';
import type { ProcessChannel } from './process-channel.js';

const ATTEND_MS = 1_000;
/** Requests attended in one script call: bounds how long Redis is busy with it. */
const ATTEND_BATCH = 200;

/** A reader, and whether the ledger must know its request: from the acceptance on, not before. */
interface Open {
  readonly reader: FrameReader;
  accepted: boolean;
}

/** The readers of one request. `ignore` ends the listening for its messages. */
interface Readers {
  readonly open: Set<Open>;
  readonly ignore: () => void;
}

/**
 * The readers of this process; a request may have several. Once a second it tells the ledger which requests have a
 * reader here (a plain one without any is cancelled), and learns in the same call how far each log is: so a lost
 * message costs at most a second.
 */
export class FrameHub {
  private readonly requests = new Map<string, Readers>();
  private timer: NodeJS.Timeout | undefined;
  private attending = false;

  constructor(
    private readonly ledger: Ledger,
    private readonly channel: ProcessChannel,
  ) {
    channel.whenReconnected(() => this.catchUp());
  }

  start(): void {
    this.timer = setInterval(() => void this.attend(), ATTEND_MS);
  }

  stop(): void {
    clearInterval(this.timer);
    for (const reader of this.readers()) reader.close();
  }

  /**
   * Opens a reader; do so before the request is accepted, or before the ledger is told that this process reads it, so
   * that nothing is published to nobody.
   */
  open(request: string): FrameReader {
    const { open } = this.requests.get(request) ?? this.listen(request);
    const fetch = (cursor: string, count: number) => this.ledger.read(request, cursor, count);
    const reader = new FrameReader(request, fetch, () => this.drop(request, entry));
    const entry = { reader, accepted: false };
    open.add(entry);
    return reader;
  }

  /** From now on the ledger must know this request: if it does not, its readers fail. False: nobody reads it here. */
  expect(request: string): boolean {
    const readers = this.requests.get(request);
    for (const entry of readers?.open ?? []) entry.accepted = true;
    return readers !== undefined;
  }

  /** One round; runs every second, and never twice at once. */
  async attend(): Promise<void> {
    if (this.attending) return;
    this.attending = true;
    try {
      const known = [...this.requests].filter(([, { open }]) => [...open].some(({ accepted }) => accepted));
      const ids = known.map(([id]) => id);
      for (let i = 0; i < ids.length; i += ATTEND_BATCH)
        await this.attendSome(ids.slice(i, i + ATTEND_BATCH));
    } catch {
      // Redis is away: readers that wait for it try again at the next round.
      this.catchUp();
    } finally {
      this.attending = false;
    }
  }

  private async attendSome(ids: readonly string[]): Promise<void> {
    for (const [id, attended] of await this.ledger.attend(ids)) {
      // One that was opened meanwhile has not been accepted yet, maybe.
      for (const { reader, accepted } of this.requests.get(id)?.open ?? []) {
        if (accepted) tell(reader, attended);
      }
    }
  }

  private listen(request: string): Readers {
    const open = new Set<Open>();
    const ignore = this.channel.listen(request, (message) => {
      for (const { reader } of open) reader.receive(message);
    });
    const readers = { open, ignore };
    this.requests.set(request, readers);
    return readers;
  }

  private drop(request: string, entry: Open): void {
    const readers = this.requests.get(request);
    if (!readers?.open.delete(entry) || readers.open.size > 0) return;
    readers.ignore();
    this.requests.delete(request);
  }

  private readers(): FrameReader[] {
    return [...this.requests.values()].flatMap(({ open }) => [...open].map(({ reader }) => reader));
  }

  private catchUp(): void {
    for (const reader of this.readers()) reader.doubt();
  }
}

function tell(reader: FrameReader, { last, state, position, paceMs }: Attended): void {
  if (state === '') {
    reader.fail(requestLost(reader.request));
    return;
  }
  reader.status = toStatus({ state, position, ...(paceMs !== undefined && { paceMs }) });
  reader.checkTail(last);
}

/** Where a request stands, from what the ledger says of it; place and estimate only while it waits. */
export function toStatus(known: {
  readonly state: RequestStatus['state'];
  readonly position?: number;
  readonly paceMs?: number;
}): RequestStatus {
  const { state, position, paceMs } = known;
  if (state !== 'waiting' || position === undefined) return { state };
  return { state, position, ...(paceMs !== undefined && { etaMs: position * paceMs }) };
}
