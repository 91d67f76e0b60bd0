/**
 * Bytes in any pieces to lines: splits inside a character make no difference. Blank lines are left out, and what a line
 * ends with, `\n` or `\r\n`, is not part of it.
 */
export class LineReader {
  /** True for ever once a line was longer than the limit; nothing is read after that. */
  overflowed = false;
  private rest = '';
  private readonly decoder = new TextDecoder();

  /** @param maxLength of a line, in UTF-16 units */
  constructor(private readonly maxLength: number) {}

  /** The lines that `bytes` completed. */
  feed(bytes: Uint8Array): readonly string[] {
    if (this.overflowed) return [];
    const lines = (this.rest + this.decoder.decode(bytes, { stream: true })).split('\n');
    this.rest = lines.pop() ?? '';
    return this.bounded(lines, this.rest);
  }

  /** What stood behind the last line break. */
  end(): readonly string[] {
    if (this.overflowed) return [];
    return this.bounded([this.rest + this.decoder.decode()], '');
  }

  private bounded(lines: readonly string[], rest: string): readonly string[] {
    const tooLong = lines.findIndex((line) => line.length > this.maxLength);
    this.overflowed = tooLong >= 0 || rest.length > this.maxLength;
    const read = tooLong < 0 ? lines : lines.slice(0, tooLong);
    return read.map((line) => line.trim()).filter((line) => line !== '');
  }
}
