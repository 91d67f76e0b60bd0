const LINE_END = Buffer.from('\r\n');
const MINUS = 0x2d;

/** Cuts what one side of a Redis connection sends into whole frames: commands, replies, pushes. */
export class FrameSplitter {
  private rest: Buffer = Buffer.alloc(0);

  push(chunk: Buffer): Buffer[] {
    const bytes = this.rest.length === 0 ? chunk : Buffer.concat([this.rest, chunk]);
    const frames: Buffer[] = [];
    let at = 0;
    for (let end = endOfFrame(bytes, at); end !== undefined; end = endOfFrame(bytes, at)) {
      frames.push(bytes.subarray(at, end));
      at = end;
    }
    this.rest = bytes.subarray(at);
    return frames;
  }
}

/** Where the frame that begins at `at` ends; undefined if it is not all there. */
function endOfFrame(bytes: Buffer, at: number): number | undefined {
  const lineEnd = bytes.indexOf(LINE_END, at);
  if (at >= bytes.length || lineEnd < 0) return undefined;
  const next = lineEnd + 2;
  const length = () => (bytes[at + 1] === MINUS ? -1 : Number(bytes.toString('latin1', at + 1, lineEnd)));
  switch (String.fromCodePoint(bytes[at] ?? 0)) {
    case '$':
    case '!':
    case '=': {
      const end = length() < 0 ? next : next + length() + 2;
      return end <= bytes.length ? end : undefined;
    }
    case '*':
    case '~':
    case '>':
      return endOfFrames(bytes, next, length());
    case '%':
    case '|':
      return endOfFrames(bytes, next, 2 * length());
    default:
      return next;
  }
}

function endOfFrames(bytes: Buffer, at: number, count: number): number | undefined {
  let end: number | undefined = at;
  for (let left = count; left > 0 && end !== undefined; left--) end = endOfFrame(bytes, end);
  return end;
}

/** The words of a command, at most `most` of them. */
export function wordsOf(command: Buffer, most: number): string[] {
  const words: string[] = [];
  let at = command.indexOf(LINE_END) + 2;
  while (words.length < most && at < command.length) {
    const lineEnd = command.indexOf(LINE_END, at);
    const length = Number(command.toString('latin1', at + 1, lineEnd));
    words.push(command.toString('latin1', lineEnd + 2, lineEnd + 2 + length));
    at = lineEnd + 2 + length + 2;
  }
  return words;
}
