import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { PYTHON_SETUP_MS } from '../support/python.js';
import { PythonSession } from '../support/python-session.js';
import { node6, node7, pythonSdk } from '../support/sdks.js';
import type { Sdk, SdkOutcome } from '../support/sdks.js';
import { TestBroker } from '../support/start-broker.js';
import { TappedLine } from '../support/tapped-line.js';
import { startUpstream } from '../support/upstream.js';
import type { Upstream } from '../support/upstream.js';
import { answer, gated, status, stream } from '../support/upstream-behaviours.js';
import type { Behaviour } from '../support/upstream-behaviours.js';
import { createGate } from '../support/upstream-gate.js';
import type { Gate } from '../support/upstream-gate.js';
import { dropHere, event, passGate, role, token } from '../support/upstream-steps.js';

/** Failures in a row are remembered: each test has a provider of its own, `p1` and so on. */
const PROVIDERS = Array.from({ length: 10 }, (_, n) => `p${n + 1}`);

let upstream: Upstream;
let broker: TestBroker;
let session: PythonSession;
let sdks: readonly Sdk[];

let latest = 0;
let questions = 0;

beforeAll(async () => {
  upstream = await startUpstream();
  const provider = {
    kind: 'openai-compatible',
    location: 'local',
    baseUrl: upstream.baseUrl,
    models: ['small'],
  };
  broker = await TestBroker.start({
    config: {
      // Heartbeats from the start.
      server: { holdMs: 0, heartbeatMs: 100 },
      providers: Object.fromEntries(PROVIDERS.map((name) => [name, provider])),
    },
  });
  session = await PythonSession.start({ baseUrl: `${broker.url}/v1`, apiKey: 'any' });
  sdks = [node7, node6, pythonSdk(session)];
}, PYTHON_SETUP_MS);

afterAll(async () => {
  await session?.stop();
  await broker?.stop();
  await upstream?.close();
});

beforeEach(() => {
  latest++;
});

const HEARTBEAT = ': running\n';

function textOf({ values }: SdkOutcome): string {
  const chunks = values as { choices: { delta: { content?: string | null } }[] }[];
  return chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join('');
}

/** Does the same with all SDKs, side by side. */
async function withEach(play: (sdk: Sdk) => Promise<void>): Promise<void> {
  await Promise.all(sdks.map((sdk) => play(sdk)));
}

/** Asks for a stream over a line that is listened in on; `play` has the line and the gate of the upstream. */
async function ask(
  sdk: Sdk,
  { withIds, behave }: { readonly withIds: boolean; readonly behave: (gate: Gate) => Behaviour },
  play: (line: TappedLine, gate: Gate) => Promise<void>,
): Promise<{ readonly outcome: SdkOutcome; readonly bytes: string }> {
  const [line, gate] = [await TappedLine.open(broker.url), createGate()];
  try {
    const marker = `Question ${++questions}.`;
    upstream.when({ marker }, behave(gate));
    const called = sdk.call({
      baseUrl: `${line.url}/v1`,
      body: { model: `p${latest}/small`, messages: [{ role: 'user', content: marker }], stream: true },
      headers: withIds ? { 'x-spillway-on-disconnect': 'continue' } : {},
    });
    await play(line, gate);
    return { outcome: await called, bytes: line.received };
  } finally {
    gate.open();
    await line.close();
  }
}

describe.each([
  { what: 'a stream', withIds: false },
  { what: 'a stream with ids', withIds: true },
])('$what', ({ withIds }) => {
  it('is whole, with heartbeats before it and between its events, and its route', async () => {
    await withEach(async (sdk) => {
      const behave = (gate: Gate) => answer('one two', { gate });
      const { outcome, bytes } = await ask(sdk, { withIds, behave }, async (line, gate) => {
        await line.hears(HEARTBEAT);
        gate.release(1);
        await line.hears(HEARTBEAT, await line.hears('"content":"one"'));
        gate.open();
      });
      expect({ sdk: sdk.name, text: textOf(outcome), error: outcome.error }).toEqual({
        sdk: sdk.name,
        text: 'one two',
        error: null,
      });
      expect(bytes).toContain(`: route provider=p${latest} model=small location=local attempts=1\n`);
      expect(/^id: \S+$/m.test(bytes)).toBe(withIds);
    });
  });

  it.each([
    { what: 'a lost connection', failure: dropHere(), code: 'stream_interrupted' },
    {
      what: "the provider's own error",
      failure: event({ error: { message: 'no' } }),
      code: 'stream_interrupted',
    },
    { what: 'an end without a finish', failure: () => Promise.resolve(), code: 'upstream_truncated' },
  ])('raises the error of its failure, after the tokens so far: $what', async ({ failure, code }) => {
    await withEach(async (sdk) => {
      const behave = (gate: Gate) => stream(role(), token('one'), passGate(gate), failure);
      const { outcome } = await ask(sdk, { withIds, behave }, async (line, gate) => {
        await line.hears(HEARTBEAT, await line.hears('"content":"one"'));
        gate.open();
      });
      expect({ sdk: sdk.name, text: textOf(outcome) }).toEqual({ sdk: sdk.name, text: 'one' });
      expect(outcome.error).toMatchObject({
        error: 'APIError',
        isApiError: true,
        status: null,
        code,
        type: 'upstream_error',
        param: null,
      });
    });
  });

  it('raises the error of a failure before its first token, which had its 200 already', async () => {
    await withEach(async (sdk) => {
      const behave = (gate: Gate) => gated(gate, status(400, { message: 'too hot', param: 'temperature' }));
      const { outcome } = await ask(sdk, { withIds, behave }, async (line, gate) => {
        await line.hears(HEARTBEAT);
        gate.open();
      });
      expect({ sdk: sdk.name, values: outcome.values }).toEqual({ sdk: sdk.name, values: [] });
      expect(outcome.error).toMatchObject({
        error: 'APIError',
        status: null,
        code: 'upstream_rejected',
        type: 'invalid_request_error',
        param: 'temperature',
      });
    });
  });
});
