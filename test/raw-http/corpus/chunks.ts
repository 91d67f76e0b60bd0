import { eachOf, IS_BODY, post, REFUSED, SMUGGLED, type RawCase } from '../raw-request.js';

const HEX = SMUGGLED.length.toString(16);

/** A body whose first chunk begins with this line. */
const sized = (line: string) => inChunks(`${line}\r\n${SMUGGLED}\r\n0\r\n\r\n`);

function inChunks(body: string): string {
  return post(['Transfer-Encoding: chunked'], body);
}

const BAD_SIZES = [
  '',
  ' ',
  'g',
  'xyz',
  '-1',
  `-${HEX}`,
  `+${HEX}`,
  `0x${HEX}`,
  `0X${HEX}`,
  ` ${HEX}`,
  `\t${HEX}`,
  `${HEX}\u000b`,
  `${HEX}\u0000`,
  `\u0000${HEX}`,
  `_${HEX}`,
  `${HEX}_`,
  `${HEX}h`,
  `${HEX},`,
  `${HEX}:`,
  `${HEX}.0`,
  `${HEX} ${HEX}`,
  `"${HEX}"`,
  '\u00b2\u00b5',
  '10000000000000000',
  'FFFFFFFFFFFFFFFFF',
  `1000000000000000000${HEX}`,
  `${HEX}\r`,
  `${HEX}\n`,
  `${HEX}\r\r`,
];

const BAD_EXTENSIONS = [
  `${HEX};a\nb`,
  `${HEX};a\rb`,
  `${HEX};a="b\r\nc"`,
  `${HEX};a="b\nc"`,
  `${HEX};\u0000`,
  `${HEX};a=\u0000`,
  `${HEX};a="\u0000"`,
  `${HEX};a=b\r`,
  `${HEX};a=b\n`,
  `${HEX};\u007f`,
  `${HEX};a="b`,
];

const EXTENSIONS = [
  `${HEX};a`,
  `${HEX};a=b`,
  `${HEX};a="b"`,
  `${HEX};a=b;c=d`,
  `${HEX};a="b;c"`,
  `${HEX};a=${'b'.repeat(500)}`,
];

/** What stands where a line should end. */
const BAD_ENDS = [
  ['a bare LF behind a size', `${HEX}\n${SMUGGLED}\r\n0\r\n\r\n`],
  ['a bare CR behind a size', `${HEX}\r${SMUGGLED}\r\n0\r\n\r\n`],
  ['LF CR behind a size', `${HEX}\n\r${SMUGGLED}\r\n0\r\n\r\n`],
  ['a bare LF behind the data', `${HEX}\r\n${SMUGGLED}\n0\r\n\r\n`],
  ['a bare CR behind the data', `${HEX}\r\n${SMUGGLED}\r0\r\n\r\n`],
  ['nothing behind the data', `${HEX}\r\n${SMUGGLED}0\r\n\r\n`],
  ['blanks behind the data', `${HEX}\r\n${SMUGGLED}  \r\n0\r\n\r\n`],
  ['more data than its size', `2\r\n${SMUGGLED}\r\n0\r\n\r\n`],
  ['less data than its size', `${(SMUGGLED.length + 2).toString(16)}\r\n${SMUGGLED}\r\n0\r\n\r\n`],
  ['a bare LF behind the last size', `0\n\r\n${SMUGGLED}`],
  ['bare LFs at the end', `0\n\n${SMUGGLED}`],
  ['a bare LF at the end', `0\r\n\n${SMUGGLED}`],
  ['a bare CR at the end', `0\r\n\r${SMUGGLED}`],
  ['CR CR LF at the end', `0\r\n\r\r\n${SMUGGLED}`],
  ['a last size of minus nothing', `-0\r\n\r\n${SMUGGLED}`],
  ['a last size in words', `zero\r\n\r\n${SMUGGLED}`],
] as const;

/** Lines behind the last chunk. */
const BAD_TRAILERS = [
  'no colon',
  ': no name',
  'X A: b',
  'X-A : b',
  'X-A: b\u0000',
  'X-A: b\nX-B: c',
  'X-A: b\rX-B: c',
  'X-A: b\r\n folded',
  ' X-A: b',
  'X-\u0000A: b',
  'Content-Length: 5',
  'Transfer-Encoding: chunked',
  'GET /smuggled HTTP/1.1',
  `X-A: b\n\n${SMUGGLED}`,
];

export const CHUNKS: readonly RawCase[] = [
  ...eachOf('a chunk of size', BAD_SIZES, sized, REFUSED),
  ...eachOf('a chunk with the extension', BAD_EXTENSIONS, sized, REFUSED),
  ...eachOf('a chunk in order, with the extension', EXTENSIONS, sized, IS_BODY),
  ...eachOf('a chunk in order, of size', [`000${HEX}`, HEX.toUpperCase()], sized, IS_BODY),
  ...BAD_ENDS.map(([title, body]) => ({
    title: `chunks with ${title}`,
    bytes: inChunks(body),
    answers: REFUSED,
  })),
  ...eachOf('a trailer', BAD_TRAILERS, (line) => inChunks(`0\r\n${line}\r\n\r\n${SMUGGLED}`), REFUSED),
  {
    title: 'an extension of 20 kB',
    bytes: sized(`${HEX};a=${'b'.repeat(20_000)}`),
    answers: REFUSED,
  },
  {
    title: 'extensions of 20 kB over many chunks',
    bytes: inChunks(`${`1;${'a'.repeat(100)}\r\n{\r\n`.repeat(200)}0\r\n\r\n`),
    answers: IS_BODY,
  },
  {
    title: 'trailers of 20 kB',
    bytes: inChunks(`0\r\n${`X-A: ${'b'.repeat(90)}\r\n`.repeat(200)}\r\n${SMUGGLED}`),
    answers: ['headers_too_large'],
  },
  {
    title: 'chunks that never end',
    bytes: inChunks(`${HEX}\r\n${SMUGGLED}\r\n`),
    answers: ['request_timeout'],
  },
];

/** Trailers in order change nothing: neither the length of the request, nor who asks, nor for what. */
const TRAILERS = [
  'X-A: b',
  'Host: b',
  'Authorization: Bearer x',
  'Content-Encoding: gzip',
  'Expect: banana',
  'X-Spillway-Timeout-Ms: soon',
];

export const TRAILERS_IN_ORDER: readonly RawCase[] = [
  ...eachOf(
    'a trailer in order,',
    TRAILERS,
    (line) => inChunks(`${HEX}\r\n${SMUGGLED}\r\n0\r\n${line}\r\n\r\n`),
    IS_BODY,
  ),
  {
    title: 'a trailer that closes',
    bytes: inChunks(`${HEX}\r\n${SMUGGLED}\r\n0\r\nConnection: close\r\n\r\n${SMUGGLED}`),
    answers: ['invalid_json'],
  },
];
