import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { PYTHON_SETUP_MS } from '../support/python.js';
import { PythonSession } from '../support/python-session.js';
import { node6, node7, pythonSdk } from '../support/sdks.js';
import type { Sdk, SdkOutcome } from '../support/sdks.js';
import { startUpstream } from '../support/upstream.js';
import type { Upstream } from '../support/upstream.js';
import { streamAs } from '../support/upstream-behaviours.js';
import { raw } from '../support/upstream-steps.js';

/** What the SDKs do with what a server may send: the reasons for the form of our own streams. */

let upstream: Upstream;
let session: PythonSession;
let sdks: readonly Sdk[];

beforeAll(async () => {
  upstream = await startUpstream();
  session = await PythonSession.start({ baseUrl: upstream.baseUrl, apiKey: 'any' });
  sdks = [node7, node6, pythonSdk(session)];
}, PYTHON_SETUP_MS);

afterAll(async () => {
  await session?.stop();
  await upstream?.close();
});

const chunk = (content: string, finish: string | null = null) =>
  `data: ${JSON.stringify({
    ...{ id: 'c', object: 'chat.completion.chunk', created: 7, model: 'm' },
    choices: [{ index: 0, delta: { content }, finish_reason: finish }],
  })}\n`;
const [ONE, TWO] = [`${chunk('one')}\n`, `${chunk(' two')}\n`];
const END = `${chunk('', 'stop')}\n`;
const DONE = 'data: [DONE]\n\n';

const ALL = 'one| two|';
interface Seen {
  /** The texts of the chunks, `|` between them; `?` for one without choices. */
  readonly text: string;
  readonly error: string | null;
}

const rows: readonly {
  readonly sent: string;
  readonly bytes: string;
  readonly node: Seen;
  readonly python: Seen;
}[] = [
  {
    sent: 'a heartbeat with an empty line behind it, and no ids',
    bytes: `${ONE}: ping\n\n${TWO}${END}${DONE}`,
    node: { text: ALL, error: null },
    python: { text: ALL, error: null },
  },
  {
    sent: 'a heartbeat with an empty line behind it, after an id',
    bytes: `id: 1\n${ONE}: ping\n\nid: 2\n${TWO}${END}${DONE}`,
    node: { text: ALL, error: null },
    python: { text: 'one', error: 'JSONDecodeError' },
  },
  {
    sent: 'a heartbeat of one line, after an id',
    bytes: `id: 1\n${ONE}: ping\nid: 2\n${TWO}${END}${DONE}`,
    node: { text: ALL, error: null },
    python: { text: ALL, error: null },
  },
  {
    sent: 'a time to reconnect in',
    bytes: `${ONE}retry: 3000\n\n${TWO}${END}${DONE}`,
    node: { text: ALL, error: null },
    python: { text: 'one', error: 'JSONDecodeError' },
  },
  {
    sent: 'a named event',
    bytes: `${ONE}event: queue_status\ndata: {"position":3}\n\n${TWO}${END}${DONE}`,
    node: { text: 'one|?| two|', error: null },
    python: { text: 'one|?| two|', error: null },
  },
  {
    sent: 'an end without a finish and without [DONE]',
    bytes: ONE,
    node: { text: 'one', error: null },
    python: { text: 'one', error: null },
  },
  {
    sent: 'an error in the middle',
    bytes: `${ONE}data: {"error":{"message":"no","type":"upstream_error","param":null,"code":"stream_interrupted"}}\n\n`,
    node: { text: 'one', error: 'APIError' },
    python: { text: 'one', error: 'APIError' },
  },
  {
    sent: 'a route comment before all else',
    bytes: `: queued position=3 eta_ms=4000\n: route provider=box\n${ONE}${TWO}${END}${DONE}`,
    node: { text: ALL, error: null },
    python: { text: ALL, error: null },
  },
];

function seenOf({ values, error }: SdkOutcome): Seen {
  const texts = (values as { choices?: { delta: { content?: string } }[] }[]).map(({ choices }) =>
    choices ? (choices[0]?.delta.content ?? '') : '?',
  );
  return { text: texts.join('|'), error: error?.error ?? null };
}

describe('what an SDK makes of', () => {
  it.each(rows)('$sent', async ({ bytes, ...row }) => {
    for (const sdk of sdks) {
      upstream.script(streamAs({}, raw(bytes)));
      const body = { model: 'm', messages: [{ role: 'user', content: 'Hi' }], stream: true };
      const outcome = await sdk.call({ baseUrl: upstream.baseUrl, body });
      expect({ sdk: sdk.name, ...seenOf(outcome) }).toEqual({ sdk: sdk.name, ...row[sdk.language] });
      if (row[sdk.language].error !== 'APIError') continue;
      expect(outcome.error).toMatchObject({
        isApiError: true,
        status: null,
        code: 'stream_interrupted',
        type: 'upstream_error',
      });
    }
  });
});
