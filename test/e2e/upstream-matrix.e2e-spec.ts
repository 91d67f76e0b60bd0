import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { chunksOf, jsonOf, send } from '../support/client.js';
import type { Answer } from '../support/client.js';
import { LONGEST_WAIT_MS } from '../support/failures-before-output.js';
import { TestBroker } from '../support/start-broker.js';
import { startUpstream } from '../support/upstream.js';
import type { Upstream } from '../support/upstream.js';
import { answer, gated } from '../support/upstream-behaviours.js';
import { createGate } from '../support/upstream-gate.js';
import { cells, SECOND } from '../support/upstream-matrix.js';
import type { Cell, Seen } from '../support/upstream-matrix.js';
import { waitForUsageRows } from '../support/usage-rows.js';

/** Cells are asked one after another in each lane, and the lanes side by side. */
const LANES = 12;
/** Requests that wait for a busy provider have a budget of three at once. */
const BUSY_LANES = 3;
/** The timers of targets that are to run into them, ms. Those that speak first need the time to do so. */
const SHORT = { early: { firstTokenMs: 250, responseMs: 250 }, late: { idleMs: 1_000 } } as const;

/** Of the codes that are neither the client's fault nor the upstreams'. */
const ERROR_TYPE: Readonly<Record<string, string>> = { rate_limit_exceeded: 'rate_limit_error' };

/** For all cells, ms. */
const SETUP_MS = 180_000;
/** Longest wait for one cell, on a busy machine, ms. */
const WAIT_MS = 30_000;

interface Lane {
  readonly cells: readonly Cell[];
  /** A model of the lane's provider that always answers, if the lane has a provider. */
  readonly well: string | undefined;
}

const providers: Record<string, string | undefined> = {};
const lanes: Lane[] = [];
const providerOf = new Map<Cell, string>();

for (const kind of ['shared', 'busy'] as const) {
  const count = kind === 'busy' ? BUSY_LANES : LANES;
  const own = cells.filter(({ provider }) => provider === kind);
  for (let n = 0; n < count; n++) {
    const name = `${kind}-${n}`;
    const mine = own.filter((_, index) => index % count === n);
    providers[name] = undefined;
    for (const cell of mine) providerOf.set(cell, name);
    lanes.push({ cells: mine, well: `well-${name}` });
  }
}
const loners = cells.filter((cell) => !providerOf.has(cell));
for (const [n, cell] of loners.entries()) {
  providers[`own-${n}`] = typeof cell.provider === 'string' ? undefined : cell.provider.href;
  providerOf.set(cell, `own-${n}`);
}
for (let n = 0; n < BUSY_LANES; n++) {
  lanes.push({ cells: loners.filter((_, index) => index % BUSY_LANES === n), well: undefined });
}

let first: Upstream;
let second: Upstream;
let broker: TestBroker;
const replies = new Map<Cell, Answer>();

beforeAll(async () => {
  [first, second] = await Promise.all([startUpstream(), startUpstream()]);
  first.otherwise(answer('well'));
  second.otherwise(answer(SECOND));
  broker = await TestBroker.start({ config: configuration(), workers: 0 });
  // Some fifty providers: a busy machine takes its time.
  const worker = await broker.startWorker({}, { ready: false });
  await worker.prints('worker is ready', SETUP_MS);
  const begun = await broker.startApi({ HOLD_MS: '0' });
  await Promise.all(lanes.map((lane) => play(lane, { begun: begun.url, usual: broker.url })));
}, SETUP_MS);

afterAll(async () => {
  await broker?.stop();
  await Promise.all([first?.close(), second?.close()]);
});

function configuration(): object {
  const provider = { kind: 'openai-compatible', location: 'local', models: ['x'], concurrency: 32 };
  const wells = lanes.flatMap(({ well }) => (well === undefined ? [] : [well]));
  return {
    server: { holdMs: '${HOLD_MS:-60000}' },
    queue: { maxRetryDelayMs: LONGEST_WAIT_MS },
    providers: {
      ...Object.fromEntries(
        Object.entries(providers).map(([name, url]) => [
          name,
          { ...provider, baseUrl: url ?? first.baseUrl },
        ]),
      ),
      second: { ...provider, location: 'cloud', baseUrl: second.baseUrl },
    },
    models: {
      ...Object.fromEntries(
        wells.map((well) => [well, { targets: [{ provider: well.replace('well-', '') }] }]),
      ),
      ...Object.fromEntries(cells.map((cell) => [cell.model, { targets: targetsOf(cell) }])),
    },
  };
}

function targetsOf(cell: Cell): readonly object[] {
  // Where a resolver itself is silent, the timer moves on.
  const timeouts = cell.silent
    ? SHORT[cell.silent]
    : typeof cell.provider === 'string'
      ? {}
      : { firstTokenMs: 5_000 };
  return [{ provider: providerOf.get(cell), timeouts }, ...(cell.left ? [{ provider: 'second' }] : [])];
}

/** After each cell its provider answers well once, so that the next one does not find it known to be broken. */
async function play({ cells: mine, well }: Lane, urls: { begun: string; usual: string }): Promise<void> {
  for (const cell of mine) {
    replies.set(
      cell,
      await (cell.form === 'begun stream' ? askBegun(urls.begun, cell) : askUsual(urls.usual, cell)),
    );
    if (well === undefined) continue;
    const reply = await untilAccepted(() => send(...chat(urls.usual, well, false)).answer(WAIT_MS));
    if (reply.status !== 200) throw new Error(`After ${cell.model}, ${well} was answered: ${reply.text}`);
  }
}

async function askUsual(url: string, { model, form, behaviour }: Cell): Promise<Answer> {
  if (behaviour) first.when({ model }, behaviour);
  return untilAccepted(() => send(...chat(url, model, form === 'stream')).answer(WAIT_MS));
}

/** Its upstream waits until the client was answered, so that a failure comes after that. */
async function askBegun(url: string, { model, behaviour }: Cell): Promise<Answer> {
  const gate = createGate();
  if (behaviour) first.when({ model }, gated(gate, behaviour));
  return untilAccepted(async () => {
    const call = send(...chat(url, model, true));
    const begun = call
      .waitForItem(({ kind }) => kind === 'comment', 'a beginning', WAIT_MS)
      .then(() => gate.open());
    // Where it has none the answer says why.
    await begun.catch(() => undefined);
    return call.answer(WAIT_MS);
  });
}

/** On a machine that is so busy that Redis itself is late nothing is accepted for a moment; clients try again, too. */
async function untilAccepted(ask: () => Promise<Answer>): Promise<Answer> {
  const endAt = performance.now() + WAIT_MS;
  for (;;) {
    const reply = await ask();
    if (!reply.text.includes('"code":"redis_unavailable"') || performance.now() > endAt) return reply;
  }
}

function chat(url: string, model: string, stream: boolean): Parameters<typeof send> {
  const body = { model, stream, messages: [{ role: 'user', content: 'Hi' }] };
  return [`${url}/v1/chat/completions`, { body }];
}

function replyTo(cell: Cell): Answer {
  const reply = replies.get(cell);
  if (!reply) throw new Error('this cell was not played');
  return reply;
}

/** Calls are counted when all lanes are through, so that one that comes late is counted too. */
function seenOf(cell: Cell): Seen {
  const reply = replyTo(cell);
  const isStream = String(reply.headers['content-type']).startsWith('text/event-stream');
  const chunks = isStream ? chunksOf(reply) : chunksOf({ events: [reply.text] });
  const choices = chunks.flatMap((chunk) => chunk.choices ?? []);
  const code = chunks.find(({ error }) => error)?.error?.code;
  return {
    status: reply.status,
    code,
    content: choices.map(({ delta, message }) => (delta ?? message)?.content ?? '').join(''),
    finishes: choices.flatMap(({ finish_reason: reason }) => reason ?? []),
    done: isStream ? reply.events.at(-1) === '[DONE]' : code === undefined,
    calls: [callsOf(first, cell), callsOf(second, cell)],
  };
}

function callsOf({ calls }: Upstream, { model }: Cell): number {
  return calls.filter((call) => call.model === model).length;
}

const rows = cells.map((cell) => ({ ...cell, cell, and: cell.left ? 'another target' : 'no other target' }));

describe('the upstream fault matrix', () => {
  it('has at least 200 cells, each under a name of its own', () => {
    expect(cells.length).toBeGreaterThanOrEqual(200);
    expect(new Set(cells.map(({ model }) => model)).size).toBe(cells.length);
    expect(new Set(cells.map(({ cause, form, left }) => `${cause}|${form}|${left}`)).size).toBe(cells.length);
  });

  it.each(rows)('$cause, for a $form with $and: $expected.status $expected.code', ({ cell }) => {
    expect(seenOf(cell)).toEqual(cell.expected);
  });

  it.each(rows.filter(({ expected }) => expected.done))(
    '$cause, for a $form with $and: one answer, from whom it says',
    ({ cell }) => {
      const { headers, ...reply } = replyTo(cell);
      const isSecond = cell.expected.calls[1] === 1;
      const from = {
        'x-spillway-provider': isSecond ? 'second' : providerOf.get(cell),
        'x-spillway-location': isSecond ? 'cloud' : 'local',
        'x-spillway-model': cell.model,
        'x-spillway-attempts': isSecond ? '2' : '1',
      };
      // What was answered before there was any output says it in a comment.
      expect(headers).toMatchObject(cell.form === 'begun stream' ? {} : from);
      const isStream = cell.form !== 'whole answer';
      const ids = isStream ? chunksOf(reply).map(({ id }) => id) : ['whole'];
      expect(new Set(ids).size).toBe(1);
      expect(reply.events.filter((data) => data === '[DONE]')).toHaveLength(isStream ? 1 : 0);
    },
  );

  it.each(rows.filter(({ expected }) => !expected.done))(
    '$cause, for a $form with $and: one error in the right form, and nothing behind it',
    ({ cell }) => {
      const { events, text, headers, status } = replyTo(cell);
      const { error, ...rest } = jsonOf({ text: status === 200 ? (events.at(-1) ?? '') : text });
      const code = cell.expected.code ?? '';
      const type = /^(upstream_(?!rejected)|stream_)/.test(code) ? 'upstream_error' : ERROR_TYPE[code];
      expect(error).toMatchObject({
        type: type ?? 'invalid_request_error',
        message: expect.any(String),
        code,
      });
      expect([Object.keys(error ?? {}).toSorted(), rest]).toEqual([['code', 'message', 'param', 'type'], {}]);
      // An upstream's words are shown where they may help the caller, and nowhere else.
      expect(code === 'upstream_rejected' ? '' : error?.message).not.toContain('scripted');
      // The calls were made and may be billed: an SDK's own retry would make more.
      const retry = code === 'rate_limit_exceeded' ? undefined : headers['x-should-retry'];
      expect(retry).toBe(status >= 500 ? 'false' : undefined);
    },
  );
});

describe('the usage rows of the matrix', () => {
  it('are one for each upstream call, and no others', async () => {
    const redis = new Redis(broker.redis.url);
    const made = [...first.calls, ...second.calls].map(({ headers }) => String(headers['x-request-id']));
    try {
      const found = await waitForUsageRows(redis, made.length);
      expect(found.map(({ call }) => call).toSorted()).toEqual(made.toSorted());
      expect(new Set(made).size).toBe(made.length);
      const outcomes = new Set(found.map(({ usage }) => usage.outcome));
      expect([...outcomes].toSorted()).toEqual(['completed', 'failed']);
    } finally {
      redis.disconnect();
    }
  });
});
