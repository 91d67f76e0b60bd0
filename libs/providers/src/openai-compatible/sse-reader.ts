import { createParser } from 'eventsource-parser';

export interface SseEvent {
  /** The name of a named event; absent for the usual ones. */
  readonly event?: string | undefined;
  readonly data: string;
}

/** What the parser buffers beside the data of an event, or the limit would depend on how its bytes are cut. */
const FIELD_NAME_LENGTH = '\ndata: '.length;

/**
 * Bytes in any pieces to server-sent events: splits inside a character or between CR and LF, comments, several
 * `data` lines and a byte order mark make no difference. Comments and unknown fields are dropped unbuffered.
 */
export class SseReader {
  /** True for ever once a line or an event was longer than the limit; nothing is read after that. */
  overflowed = false;
  private events: SseEvent[] = [];
  // The parser strips the byte order mark itself; two strippers would eat two of them.
  private readonly decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  private readonly parser;

  /** @param maxEventLength the longest data of an event, in UTF-16 units */
  constructor(maxEventLength: number) {
    this.parser = createParser({
      maxBufferSize: maxEventLength + FIELD_NAME_LENGTH,
      onEvent: (event) => {
        // Another may come in the same piece: behind a gap nothing is of use.
        if (this.overflowed) return;
        // An event that arrives in one piece is never buffered, so the parser does not measure it.
        if (event.data.length > maxEventLength) this.overflowed = true;
        else this.events.push({ event: event.event, data: event.data });
      },
      onError: (error) => {
        if (error.type === 'max-buffer-size-exceeded') this.overflowed = true;
      },
    });
  }

  /** The events that `bytes` completed. */
  feed(bytes: Uint8Array): readonly SseEvent[] {
    return this.parse(this.decoder.decode(bytes, { stream: true }));
  }

  /** The event that the end of the stream completed: some servers leave out the last blank line. */
  end(): readonly SseEvent[] {
    return this.parse(`${this.decoder.decode()}\n\n`);
  }

  private parse(text: string): readonly SseEvent[] {
    if (!this.overflowed) this.parser.feed(text);
    const events = this.events;
    this.events = [];
    return events;
  }
}
