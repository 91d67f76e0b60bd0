import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { fetchAnswer, waitForModel } from '../support/client.js';
import { TestBroker } from '../support/start-broker.js';
import { askRaw, inParallel } from './ask-raw.js';
import { CHUNKS, TRAILERS_IN_ORDER } from './corpus/chunks.js';
import { CONNECTIONS, CONTROLS } from './corpus/connections.js';
import { FRAMINGS, LENGTHS } from './corpus/framing.js';
import { HEADS, HOSTS } from './corpus/heads.js';
import { LINES } from './corpus/lines.js';
import { TRANSFER_ENCODINGS } from './corpus/transfer-encodings.js';
import type { Outcome, RawCase } from './raw-request.js';

const HEADERS_TIMEOUT_MS = 1_000;
const REQUEST_TIMEOUT_MS = 1_500;
/** Until a connection must be closed: the later timeout, how often the server looks, and room for a busy machine. */
const CLOSED_WITHIN_MS = REQUEST_TIMEOUT_MS + 8_000;
const CONNECTIONS_AT_ONCE = 25;

const CORPUS: readonly RawCase[] = [
  ...LENGTHS,
  ...FRAMINGS,
  ...TRANSFER_ENCODINGS,
  ...CHUNKS,
  ...TRAILERS_IN_ORDER,
  ...HEADS,
  ...HOSTS,
  ...LINES,
  ...CONNECTIONS,
  ...CONTROLS,
];

let broker: TestBroker;
let results: Map<RawCase, Outcome[] | Error>;

beforeAll(async () => {
  broker = await TestBroker.start({
    config: {
      server: {
        bodyLimitBytes: 2_048,
        headersTimeoutMs: HEADERS_TIMEOUT_MS,
        requestTimeoutMs: REQUEST_TIMEOUT_MS,
      },
      providers: { demo: { kind: 'demo', location: 'local' } },
    },
  });
  await waitForModel(broker.url, 'demo');
  results = await inParallel(CORPUS, CONNECTIONS_AT_ONCE, (row) =>
    askRaw(broker.url, row, CLOSED_WITHIN_MS).catch((error: unknown) =>
      error instanceof Error ? error : new Error(String(error)),
    ),
  );
}, 120_000);

afterAll(() => broker.stop());

describe('a connection with', () => {
  it.each(CORPUS)('$title', (row) => {
    const result = results.get(row);
    if (result instanceof Error) throw result;
    expect(result).toEqual(row.answers);
  });
});

describe('the corpus', () => {
  it('has at least 200 cases of its own', () => {
    expect(new Set(CORPUS.map(({ bytes }) => bytes)).size).toBeGreaterThanOrEqual(200);
    const titles = CORPUS.map(({ title }) => title);
    expect(titles.filter((title, at) => titles.indexOf(title) !== at)).toEqual([]);
  });

  it('leaves a server that answers, and that has had no fault of its own', async () => {
    expect((await fetchAnswer(`${broker.url}/readyz`)).status).toBe(200);
    expect(broker.output).not.toMatch(/"level":(50|60)|internal_error/);
  });
});
