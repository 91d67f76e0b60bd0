/** A request of a client, whole. */
export interface UpstreamRequest {
  readonly method: string;
  readonly path: string;
  readonly body: Buffer;
}

const HEAD_END = '\r\n\r\n';
const NOTHING = Buffer.alloc(0);

/**
 * Takes HTTP/1.1 requests out of the bytes of a connection. It knows what the clients of a benchmark send and no more,
 * because it shares its cores with what is measured: bodies with a length or in chunks, one request after the other.
 */
export class RequestReader {
  private rest: Buffer = NOTHING;
  private head: { readonly method: string; readonly path: string } | undefined;
  private parts: Buffer[] = [];
  /** Bytes of the body, or of its chunk, that are still to come. */
  private missing = 0;
  private isChunked = false;
  /** A chunk's size is due next; otherwise its bytes. */
  private isAtChunkSize = false;

  constructor(private readonly onRequest: (request: UpstreamRequest) => void) {}

  /** @throws {Error} the bytes are no request that we know */
  push(bytes: Buffer): void {
    this.rest = this.rest.length === 0 ? bytes : Buffer.concat([this.rest, bytes]);
    while (this.rest.length > 0 && this.step());
  }

  /** False if it needs more bytes. */
  private step(): boolean {
    if (this.head === undefined) return this.readHead();
    if (this.isAtChunkSize) return this.readChunkSize();
    return this.readBody();
  }

  private readHead(): boolean {
    const end = this.rest.indexOf(HEAD_END);
    if (end < 0) return false;
    const text = this.rest.toString('latin1', 0, end);
    this.rest = this.rest.subarray(end + HEAD_END.length);
    const [, method, path] = /^([A-Z]+) (\S+) HTTP\/1\.1(?:\r\n|$)/.exec(text) ?? [];
    if (method === undefined || path === undefined) throw new Error(`no request: ${text.slice(0, 80)}`);
    this.head = { method, path };
    this.isChunked = /\r\ntransfer-encoding: *chunked/i.test(text);
    this.isAtChunkSize = this.isChunked;
    this.missing = this.isChunked ? 0 : Number(/\r\ncontent-length: *(\d+)/i.exec(text)?.[1] ?? 0);
    if (!this.isChunked && this.missing === 0) this.finish();
    return true;
  }

  private readChunkSize(): boolean {
    const end = this.rest.indexOf('\r\n');
    if (end < 0) return false;
    const line = this.rest.toString('latin1', 0, end);
    const size = Number.parseInt(line, 16);
    if (Number.isNaN(size)) throw new Error(`no size of a chunk: ${line.slice(0, 80)}`);
    // Clients of ours send no trailers, so the last chunk ends with one empty line.
    if (size === 0 && this.rest.length < end + HEAD_END.length) return false;
    this.rest = this.rest.subarray(end + (size === 0 ? HEAD_END.length : 2));
    if (size === 0) this.finish();
    else this.expectChunk(size);
    return true;
  }

  private expectChunk(size: number): void {
    this.missing = size + 2;
    this.isAtChunkSize = false;
  }

  private readBody(): boolean {
    const part = this.rest.subarray(0, this.missing);
    this.rest = this.rest.subarray(part.length);
    // Of a chunk, the line end behind it is no part of the body; it may come by itself.
    const line = this.isChunked ? Math.min(part.length, Math.max(0, part.length - this.missing + 2)) : 0;
    if (part.length > line) this.parts.push(part.subarray(0, part.length - line));
    this.missing -= part.length;
    if (this.missing > 0) return true;
    if (this.isChunked) this.isAtChunkSize = true;
    else this.finish();
    return true;
  }

  private finish(): void {
    const [first = NOTHING] = this.parts;
    const body = this.parts.length > 1 ? Buffer.concat(this.parts) : first;
    const head = this.head;
    this.head = undefined;
    this.isAtChunkSize = false;
    this.parts = [];
    if (head !== undefined) this.onRequest({ ...head, body });
  }
}
