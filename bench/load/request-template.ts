import type { Socket } from 'node:net';
import { writeScript } from '../contract.js';
import type { Load, Workload } from '../contract.js';

/** Stands for the id where the request is built once; as long as every id. */
const PLACEHOLDER = '@'.repeat(16);
/** Behind the id, a request longer than this is kept as bytes and written beside its beginning. */
const SHORT_BYTES = 16_384;
const WORDS = 'The reservoir above the town fills slowly in spring. ';

/** The requests of a load: built once, since only the id differs. */
export class RequestTemplate {
  private readonly before: string;
  private readonly behind: string;
  private readonly behindBytes: Buffer | undefined;

  constructor({ url, headers, model, workload }: Load) {
    const { host, pathname } = new URL(url);
    const body = JSON.stringify({ model, messages: [messageOf(workload)], stream: workload.stream });
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    const head =
      `POST ${pathname} HTTP/1.1\r\nhost: ${host}\r\ncontent-type: application/json\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\n${lines.join('')}\r\n`;
    const [before = '', behind = ''] = (head + body).split(PLACEHOLDER);
    this.before = before;
    this.behind = behind;
    this.behindBytes = behind.length > SHORT_BYTES ? Buffer.from(behind, 'latin1') : undefined;
  }

  /** @param id 16 ASCII characters; the length of the body is that of all bodies */
  write(socket: Socket, id: string): void {
    if (this.behindBytes === undefined) {
      socket.write(this.before + id + this.behind, 'latin1');
      return;
    }
    socket.cork();
    socket.write(this.before + id, 'latin1');
    socket.write(this.behindBytes);
    socket.uncork();
  }
}

/** Ids of a run: 16 characters, other ones in each run. */
export function createIds(): () => string {
  const run = Math.floor(Math.random() * 36 ** 8)
    .toString(36)
    .padStart(8, '0');
  let count = 0;
  return () => run + (count++).toString(36).padStart(8, '0');
}

function messageOf({ events, gapMs, delayMs, promptBytes = 0, imageBytes = 0 }: Workload): object {
  const script = writeScript({ id: PLACEHOLDER, events, gapMs, delayMs });
  const padding = WORDS.repeat(Math.ceil(promptBytes / WORDS.length)).slice(0, promptBytes);
  const text = padding === '' ? script : `${script} ${padding}`;
  if (imageBytes === 0) return { role: 'user', content: text };
  const prefix = 'data:image/png;base64,';
  const url = prefix + 'iVBORw0K'.repeat(Math.ceil(imageBytes / 8)).slice(0, imageBytes - prefix.length);
  return {
    role: 'user',
    content: [
      { type: 'text', text },
      { type: 'image_url', image_url: { url } },
    ],
  };
}
