import {
  chunked,
  eachOf,
  IS_BODY,
  JSON_BODY,
  post,
  REFUSED,
  SMUGGLED,
  type RawCase,
} from '../raw-request.js';

/** Lengths that are none, or that two readers read differently. */
const BAD_LENGTHS = [
  '-1',
  '-0',
  '+37',
  '0x25',
  '37 37',
  '37,37',
  '37, 37',
  '37, 38',
  '37;',
  '37.0',
  '3.7e1',
  '',
  ' ',
  ',',
  '37,',
  ',37',
  '"37"',
  '37a',
  'a37',
  '_37',
  '3_7',
  '3 7',
  '37\u0000',
  '\u000037',
  '37\u000b',
  '\u000b37',
  '37\u000c',
  '37\r',
  '3\r7',
  '37\n',
  '\u00ef\u00bc\u0093\u00ef\u00bc\u0097',
  'NaN',
  'Infinity',
  '99999999999999999999',
  '18446744073709551653',
  '4294967333x',
  '-18446744073709551579',
];

/** Names that some take for Content-Length, and some do not. */
const BAD_LENGTH_NAMES = [
  'Content-Length ',
  'Content-Length\t',
  'Content-Length\u0000',
  'Content-Length\u000b',
  '\u0000Content-Length',
  '\u000bContent-Length',
  'Content Length',
  'Content-Length\r\n ',
  'Content-Length\r',
  'Content-Length\n',
  'Content-Length\u00a0',
  'Content-Length"',
  '(Content-Length)',
];

const BODY = SMUGGLED;

const TWO_LENGTHS = [
  ['the same', `Content-Length: ${BODY.length}`, `Content-Length: ${BODY.length}`],
  ['the first less', 'Content-Length: 0', `Content-Length: ${BODY.length}`],
  ['the second less', `Content-Length: ${BODY.length}`, 'Content-Length: 0'],
  ['in other letters', `content-length: ${BODY.length}`, 'CONTENT-LENGTH: 5'],
  ['the second no number', `Content-Length: ${BODY.length}`, 'Content-Length: x'],
  ['the second empty', `Content-Length: ${BODY.length}`, 'Content-Length:'],
  ['others between them', `Content-Length: ${BODY.length}`, 'X-A: 1\r\nX-B: 2\r\nContent-Length: 1'],
] as const;

export const LENGTHS: readonly RawCase[] = [
  ...eachOf(
    'a Content-Length of',
    BAD_LENGTHS,
    (length) => post([`Content-Length: ${length}`], BODY),
    REFUSED,
  ),
  ...eachOf(
    'a Content-Length by the name of',
    BAD_LENGTH_NAMES,
    (name) => post([`${name}: ${BODY.length}`], BODY),
    REFUSED,
  ),
  ...TWO_LENGTHS.map(([title, first, second]) => ({
    title: `two lengths, ${title}`,
    bytes: post([first, second], BODY),
    answers: REFUSED,
  })),
  {
    title: 'three lengths',
    bytes: post(['Content-Length: 5', 'Content-Length: 5', 'Content-Length: 5'], BODY),
    answers: REFUSED,
  },
  {
    title: 'a length behind white space, as if it belonged to the line before',
    bytes: post(['X-A: b', ` Content-Length: ${BODY.length}`], BODY),
    answers: REFUSED,
  },
  ...eachOf(
    'a length in order,',
    ['Content-Length: #', 'content-length:#', 'CONTENT-LENGTH: \t # \t', 'Content-Length: 000#'],
    (header) => post([header.replace('#', String(BODY.length))], BODY),
    IS_BODY,
  ),
  {
    title: 'a length above the limit of bodies',
    bytes: post(['Content-Length: 999999999999'], BODY),
    answers: ['request_too_large'],
  },
  {
    title: 'a length that the body does not reach',
    bytes: post(['Content-Length: 500'], BODY),
    answers: ['request_timeout'],
  },
];

/** Both framings, of which each hides the request behind the other. */
const CL = (length: number) => `Content-Length: ${length}`;
const TE = 'Transfer-Encoding: chunked';
const HIDDEN_IN_LENGTH = `0\r\n\r\n${SMUGGLED}`;
const HIDDEN_IN_CHUNK = chunked(SMUGGLED);
const TWO_FRAMINGS = (
  ['Transfer-Encoding: chunked', 'transfer-encoding:chunked', 'Transfer-Encoding: Chunked'] as const
).flatMap((te): [string, string[], string][] => [
  [`CL.TE, ${te}`, [CL(HIDDEN_IN_LENGTH.length), te], HIDDEN_IN_LENGTH],
  [`CL.TE, the other way round, ${te}`, [te, CL(HIDDEN_IN_LENGTH.length)], HIDDEN_IN_LENGTH],
  [`TE.CL, ${te}`, [CL(4), te], HIDDEN_IN_CHUNK],
  [`TE.CL, the other way round, ${te}`, [te, CL(4)], HIDDEN_IN_CHUNK],
  [`a length of nothing, and ${te}`, [CL(0), te], HIDDEN_IN_CHUNK],
]);

export const FRAMINGS: readonly RawCase[] = [
  ...TWO_FRAMINGS.map(([title, headers, body]) => ({ title, bytes: post(headers, body), answers: REFUSED })),
  {
    title: 'CL.TE, their sizes the same',
    bytes: post([CL(HIDDEN_IN_CHUNK.length), TE], HIDDEN_IN_CHUNK),
    answers: REFUSED,
  },
  {
    title: 'CL.TE, other headers between them',
    bytes: post([TE, 'X-A: 1', 'X-B: 2', CL(4)], HIDDEN_IN_CHUNK),
    answers: REFUSED,
  },
  {
    title: 'two lengths and chunks',
    bytes: post([CL(4), TE, CL(4)], HIDDEN_IN_CHUNK),
    answers: REFUSED,
  },
  {
    title: 'a bad length and chunks',
    bytes: post([TE, 'Content-Length: x'], HIDDEN_IN_CHUNK),
    answers: REFUSED,
  },
  {
    title: 'no length and no chunks: what is behind is another request, which is none',
    bytes: post([], `${JSON_BODY}\r\n${SMUGGLED}`),
    answers: ['invalid_json'],
  },
];
