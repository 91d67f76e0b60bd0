import type { Random } from './random.js';

/** A streamed chat completion as some upstream may send it, and what the client is to get of it. */
export interface ValidStream {
  readonly bytes: Buffer;
  /** The client asked for the usage chunk. */
  readonly includeUsage: boolean;
  /** All frames, without the [DONE] that the provider's client adds. */
  readonly expected: string;
}

const LINE_ENDS = ['\n', '\r\n', '\r'] as const;
/** One to four bytes each, as themselves and as escapes; characters that some take for white space or a line's end. */
const WORDS = [
  ...[
    'a',
    ' the',
    '{"x":1}',
    'data: [DONE]',
    ': no comment',
    'é',
    'ß ',
    '世界',
    '👋',
    '👩‍👩‍👧',
    'e\u0301',
    '\u00a0',
    '\u2028',
    '\u0085',
    '\ufeff',
  ],
].map((text) => JSON.stringify(text).slice(1, -1));
const ESCAPES = ['\\n', '\\r\\n', '\\"', '\\\\', '\\u00e9', '\\ud83d\\udc4b', '\\ud800', '\\/'];
const NOISE = [
  ': ping',
  ':',
  ': é 👋',
  'id: 7',
  'retry: 10',
  'other: x',
  'event',
  'nonsense',
  'datum: {}',
  'event: chunk',
  'event:',
];
const PINGS = ['{"type":"ping"}', '', '{"choices":null}', '{}'];

/** Writes lines with every liberty that the format allows. */
class LineWriter {
  text = '';
  private last = '';

  constructor(
    private readonly random: Random,
    private readonly ends: readonly string[],
  ) {}

  line(content: string): void {
    const end = this.random.pick(this.ends) ?? '\n';
    // An LF right behind a CR is part of the same line's end.
    const clashes = content === '' && this.last === '\r' && end === '\n';
    this.last = clashes ? '\r' : end;
    this.text += content + this.last;
  }

  /** An event, whose data may take several lines. */
  event(data: string): void {
    while (this.random.chance(0.15)) this.line(this.random.pick(NOISE) ?? '');
    for (const line of data.split('\n')) {
      const needsBlank = line.startsWith(' ') || this.random.chance(0.7);
      this.line(`data:${needsBlank ? ' ' : ''}${line}`);
      if (this.random.chance(0.05)) this.line(this.random.pick(NOISE) ?? '');
    }
    this.line('');
    while (this.random.chance(0.1)) this.line('');
  }
}

/** Draws a stream of one to six chunks that ends with its finish; the same draws give the same stream. */
export function drawStream(random: Random): ValidStream {
  const ends = random.chance(0.2) ? LINE_ENDS : [random.pick(LINE_ENDS) ?? '\n'];
  const writer = new LineWriter(random, ends);
  const includeUsage = random.chance(0.3);
  const frames: string[] = [];
  const send = (json: string): void => {
    writer.event(json);
    frames.push(`data: ${json.replaceAll('\n', ' ').trim()}\n\n`);
  };
  const usage = '{"prompt_tokens":3,"completion_tokens":5}';
  const count = random.between(0, 5);
  for (let n = 0; n < count; n++) {
    if (random.chance(0.1)) writer.event(random.pick(PINGS) ?? '');
    send(drawChunk(random, drawDelta(random), 'null'));
  }
  send(drawChunk(random, '{}', '"stop"'));
  if (random.chance(0.5)) {
    const chunk = `{"id":"c","choices":[],"usage":${usage}}`;
    writer.event(chunk);
    if (includeUsage) frames.push(`data: ${chunk}\n\n`);
  }
  if (random.chance(0.8)) writer.event('[DONE]');
  const bom = random.chance(0.15) ? '\ufeff' : '';
  const text = random.chance(0.1) ? writer.text.replace(/[\r\n]+$/, '') : writer.text;
  return { bytes: Buffer.from(bom + text), includeUsage, expected: frames.join('') };
}

/** Cuts bytes into pieces, from single bytes to all at once. */
export function drawPieces(random: Random, bytes: Buffer): readonly Buffer[] {
  const longest = random.pick(random.chance(0.05) ? [1, 3, 8] : [48, 128, 512, bytes.length]) ?? 1;
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length;) {
    const length = random.between(longest === bytes.length ? longest : 1, longest);
    pieces.push(bytes.subarray(at, (at += length)));
  }
  return pieces;
}

function drawChunk(random: Random, delta: string, finish: string): string {
  const gap = () => (random.chance(0.08) ? (random.pick([' ', '\n', ' \n  ', '\t', '\n\n']) ?? '') : '');
  const choice = `{${gap()}"index":0,${gap()}"delta":${delta}${gap()},"finish_reason":${finish}}`;
  return `${gap()}{"id":"c",${gap()}"choices"${gap()}:${gap()}[${choice}],"big":12345678901234567890,"usage":null${gap()}}${gap()}`;
}

function drawDelta(random: Random): string {
  let text = '';
  for (let n = random.between(0, 5); n > 0; n--)
    text += random.pick(random.chance(0.8) ? WORDS : ESCAPES) ?? '';
  const members = [
    `{"content":"${text}"}`,
    `{"content":"${text}"}`,
    `{"role":"assistant","content":""}`,
    `{"reasoning_content":"${text}","content":null}`,
    `{"tool_calls":[{"index":0,"function":{"arguments":"${text}"}}]}`,
  ];
  return random.pick(members) ?? '{}';
}
