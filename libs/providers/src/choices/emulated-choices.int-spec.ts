import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { collectCall, type CollectOptions } from '../../../../test/support/collect-call.js';
import { startUpstream, type Upstream } from '../../../../test/support/upstream.js';
import {
  answer,
  hang,
  status,
  stream,
  type Behaviour,
} from '../../../../test/support/upstream-behaviours.js';
import { createGate } from '../../../../test/support/upstream-gate.js';
import { done, finish, hangOn, role, token, toolCall } from '../../../../test/support/upstream-steps.js';
import { createProvider } from '../create-provider.js';
import type { CallTimeouts, Provider } from '../provider.js';

interface Choice {
  readonly index: number;
  readonly delta: { readonly content?: string; readonly tool_calls?: unknown };
  readonly message: { readonly content: string };
}
interface Answered {
  readonly id: string;
  readonly created: number;
  readonly choices: readonly Choice[];
  readonly usage?: object | null;
}

describe('choices by several calls', () => {
  let upstream: Upstream;
  let provider: Provider;
  beforeEach(async () => {
    upstream = await startUpstream();
    provider = createProvider({ kind: 'openai-compatible', name: 'test', baseUrl: upstream.baseUrl });
  });
  afterEach(async () => {
    await provider.close();
    await upstream.close();
  });

  /** Asks for this many answers, of an upstream that gives one. */
  function ask(n: number, options: CollectOptions & { readonly members?: object } = {}) {
    const { members, ...call } = options;
    const { stream: streams = true } = call;
    const body = Buffer.from(JSON.stringify({ model: 'm', stream: streams, n, messages: [], ...members }));
    return collectCall(provider, { body, capabilities: { n: 'emulated' }, ...call });
  }

  function chunksOf(text: string): Answered[] {
    const events = text.split('\n\n').filter((event) => event.startsWith('data: {'));
    return events.map((event) => JSON.parse(event.slice('data: '.length)) as Answered);
  }

  function contentOf(chunks: readonly Answered[], index: number): string {
    const choices = chunks.flatMap((chunk) => chunk.choices.filter((choice) => choice.index === index));
    return choices.map(({ delta }) => delta.content ?? '').join('');
  }

  it('stream side by side, as one answer', async () => {
    upstream.script(answer('one two'), answer('three four five'), answer('six'));
    const { text, end } = await ask(3, { includeUsage: true });
    const chunks = chunksOf(text);
    const contents = [0, 1, 2].map((index) => contentOf(chunks, index));
    // Which call comes first is nobody's to say.
    expect(contents.toSorted()).toEqual(['one two', 'six', 'three four five']);
    expect(new Set(chunks.map(({ id }) => id)).size).toBe(1);
    expect(new Set(chunks.map(({ created }) => created)).size).toBe(1);
    const counts = { prompt_tokens: 21, completion_tokens: 6, total_tokens: 27 };
    expect(chunks.filter(({ choices }) => choices.length === 0)).toEqual([
      expect.objectContaining({ usage: counts }),
    ]);
    expect(text.match(/data: \[DONE\]\n\n/g)).toHaveLength(1);
    expect(text.endsWith('data: [DONE]\n\n')).toBe(true);
    expect(end).toEqual({ ok: true, usage: { promptTokens: 21, completionTokens: 6 } });
  });

  it('have no chunk of usage where nobody asked', async () => {
    const { text, end } = await ask(2);
    expect(text).not.toContain('"usage"');
    expect(end).toMatchObject({ ok: true, usage: { promptTokens: 14 } });
  });

  it('are one whole answer', async () => {
    upstream.script(answer('one'), answer('two words'));
    const { text, end } = await ask(2, { stream: false });
    const body = JSON.parse(text) as Answered;
    expect(body.choices.map(({ index }) => index)).toEqual([0, 1]);
    expect(body.choices.map(({ message }) => message.content).toSorted()).toEqual(['one', 'two words']);
    expect(body.usage).toEqual({ prompt_tokens: 14, completion_tokens: 3, total_tokens: 17 });
    expect(end).toEqual({ ok: true, usage: { promptTokens: 14, completionTokens: 3 } });
  });

  it('are asked for all at once, each without n and with a seed of its own', async () => {
    const gate = createGate();
    upstream.otherwise(answer('Hi', { gate }));
    const asking = ask(20, { members: { seed: 5 } });
    await upstream.waitForCall(20);
    gate.open();
    expect((await asking).end.ok).toBe(true);
    const bodies = upstream.calls.map(({ json }) => json);
    expect(bodies.every((body) => body && !('n' in body))).toBe(true);
    const seeds = bodies.map((body) => Number(body?.['seed']));
    expect(seeds.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, at) => 5 + at));
  });

  it('may call tools', async () => {
    upstream.otherwise(stream(role(), toolCall('f', '{"a":1}'), finish('tool_calls'), done()));
    const { text, end } = await ask(2);
    const calls = chunksOf(text).flatMap(({ choices }) =>
      choices.filter(({ delta }) => delta.tool_calls).map(({ index }) => index),
    );
    expect(new Set(calls)).toEqual(new Set([0, 1]));
    expect(end.ok).toBe(true);
  });

  it('are left to an upstream that has them', async () => {
    upstream.script(answer('Hi', { choices: 3 }));
    const { text } = await ask(3, { capabilities: {} });
    expect(upstream.calls.map(({ json }) => json?.['n'])).toEqual([3]);
    expect(new Set(chunksOf(text).flatMap(({ choices }) => choices.map(({ index }) => index)))).toEqual(
      new Set([0, 1, 2]),
    );
  });

  it.each([true, false])(
    'fail together before any output, and hang up on the others (stream: %p)',
    async (isStream) => {
      upstream.script(
        hang(),
        async (call) => {
          await upstream.waitForCall(3);
          await status(503)(call);
        },
        hang(),
      );
      const { frames, end } = await ask(3, { stream: isStream });
      expect(frames).toEqual([]);
      expect(end).toMatchObject({
        ok: false,
        aborted: false,
        phase: 'headers',
        facts: { status: 503 },
        calls: 3,
      });
      for (const number of [1, 3]) await upstream.waitForHangUp(await upstream.waitForCall(number));
      expect(upstream.inFlight).toBe(0);
    },
  );

  it('break off together after output', async () => {
    const gate = createGate();
    const failing: Behaviour = async (call) => {
      await gate.pass(call.closed);
      await status(500)(call);
    };
    upstream.script(stream(role(), token('Hi'), hangOn()), failing);
    const { content, end } = await ask(2, { onFrame: ({ output }) => output && gate.open() });
    expect(content).toBe('Hi');
    expect(end).toMatchObject({
      ...{ ok: false, aborted: false, phase: 'visible', facts: { status: 500 }, calls: 2 },
      received: { deltas: 1, textBytes: 2 },
    });
    await upstream.waitForHangUp(await upstream.waitForCall(1));
  });

  const roomy = { firstTokenMs: 60_000, idleMs: 60_000, responseMs: 60_000 };

  it.each<[string, Behaviour, Partial<CallTimeouts>, string, string]>([
    ['never begins', hang(), { firstTokenMs: 300 }, 'visible', 'first_token'],
    ['falls silent', stream(token('x'), hangOn()), { idleMs: 100 }, 'visible', 'idle'],
    ['goes on too long', stream(token('x'), hangOn()), { streamMs: 300 }, 'visible', 'stream'],
  ])('end by the timer of the one that %s', async (_, behaviour, timeouts, phase, timer) => {
    upstream.script(answer('well'), behaviour);
    const { end } = await ask(2, { timeouts: { ...roomy, ...timeouts } });
    expect(end).toMatchObject({ ok: false, aborted: false, phase, facts: { kind: 'timeout', timer } });
  });

  it('end by the timer of whole answers', async () => {
    upstream.script(answer('well'), hang());
    const { frames, end } = await ask(2, { stream: false, timeouts: { ...roomy, responseMs: 300 } });
    expect(frames).toEqual([]);
    expect(end).toMatchObject({ ok: false, phase: 'headers', facts: { kind: 'timeout', timer: 'response' } });
  });

  it('are cancelled together', async () => {
    const cancel = new AbortController();
    upstream.otherwise(stream(token('Hi'), hangOn()));
    const { end } = await ask(3, {
      signal: cancel.signal,
      onFrame: () => void upstream.waitForCall(3).then(() => cancel.abort()),
    });
    expect(end).toMatchObject({ ok: false, aborted: true, phase: 'visible' });
    for (const call of upstream.calls) await upstream.waitForHangUp(call);
    expect(upstream.calls).toHaveLength(3);
  });
});
