import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ChunkMerger } from './chunk-merger.js';

interface Choice {
  readonly index: number;
  readonly [name: string]: unknown;
}
interface Chunk {
  readonly choices: readonly Choice[];
  readonly [name: string]: unknown;
}

const event = (chunk: unknown) => `data: ${JSON.stringify(chunk)}\n\n`;
const frame = (...events: string[]) => ({ bytes: Buffer.from(events.join('')), output: true });
const DONE = 'data: [DONE]\n\n';

function chunksOf(text: string): Chunk[] {
  const events = text.split('\n\n').filter((each) => each !== '' && each !== 'data: [DONE]');
  return events.map((each) => JSON.parse(each.slice('data: '.length)) as Chunk);
}

/** Feeds frames in this order and gives all that goes on. */
function merge(calls: number, frames: readonly (readonly [call: number, events: readonly string[]])[]) {
  const merger = new ChunkMerger(calls);
  const taken = frames.flatMap(([call, events]) => merger.take(call, frame(...events)) ?? []);
  const last = merger.finish();
  const text = [...taken, last].map(({ bytes }) => bytes.toString()).join('');
  return { text, chunks: chunksOf(text), taken, last };
}

describe('ChunkMerger', () => {
  it('keeps what it does not have to change, byte for byte', () => {
    const chunk = '{"id":"a", "choices" : [ {"delta":{"content":"é\\u00e9"},"index":0,"p":1.50e-20} ]}';
    expect(merge(2, [[1, [`data: ${chunk}\n\n`]]]).text).toBe(
      'data: {"id":"a", "choices" : [{"delta":{"content":"é\\u00e9"},"index":1,"p":1.50e-20}]}\n\n' + DONE,
    );
  });

  it('has one id, time and fingerprint: those of the first chunk that has them', () => {
    const { chunks } = merge(2, [
      [1, [event({ id: '', created: 0, choices: [] })]],
      [1, [event({ id: 'b', created: 7, system_fingerprint: null, choices: [] })]],
      [0, [event({ id: 'a', created: 5, system_fingerprint: 'fp-a', choices: [] })]],
      [1, [event({ created: 7, system_fingerprint: 'fp-b', choices: [] })]],
    ]);
    expect(chunks.slice(1)).toEqual([
      { id: 'b', created: 7, system_fingerprint: null, choices: [] },
      { id: 'b', created: 7, system_fingerprint: 'fp-a', choices: [] },
      { id: 'b', created: 7, system_fingerprint: 'fp-a', choices: [] },
    ]);
  });

  it('adds up the chunks of usage in one, at the end, with all details', () => {
    const usage = (tokens: number) => ({
      ...{ prompt_tokens: 7, completion_tokens: tokens, total_tokens: 7 + tokens, cost: null },
      completion_tokens_details: { reasoning_tokens: tokens },
    });
    const of = (tokens: number) =>
      event({ id: String(tokens), created: 1, choices: [], usage: usage(tokens) });
    const { text, chunks, taken, last } = merge(2, [
      [1, [of(4), DONE]],
      [0, [of(5)]],
      [0, [DONE]],
    ]);
    expect(taken).toEqual([]);
    expect(chunks).toEqual([
      {
        ...{ id: '5', created: 1, choices: [] },
        usage: {
          ...{ prompt_tokens: 14, completion_tokens: 9, total_tokens: 23, cost: null },
          completion_tokens_details: { reasoning_tokens: 9 },
        },
      },
    ]);
    expect(text.match(/\[DONE\]/g)).toHaveLength(1);
    expect(last).toMatchObject({ output: false, last: true });
  });

  it('gives no count where a call gave none', () => {
    const usage = { prompt_tokens: 1, completion_tokens: 1 };
    expect(merge(2, [[1, [event({ id: 'a', choices: [], usage })]]]).text).toBe(DONE);
  });

  it('tells the counts on the finish chunks of all calls so far, so that the last has the whole', () => {
    const finish = (tokens: number) =>
      event({
        choices: [{ index: 0, delta: {}, finish_reason: 'stop' }],
        usage: { completion_tokens: tokens },
      });
    const { chunks } = merge(3, [
      [2, [finish(1)]],
      [0, [finish(2)]],
      [1, [finish(4)]],
    ]);
    expect(chunks.map((chunk) => chunk['usage'])).toEqual(
      [1, 3, 7].map((tokens) => ({ completion_tokens: tokens })),
    );
  });

  it('puts the choices of each prompt side by side, as one call would', () => {
    const of = (prompt: number) => event({ choices: [{ index: prompt, text: 'x' }] });
    const { chunks } = merge(
      2,
      [0, 1].flatMap((call) => [0, 1, 2].map((prompt) => [call, [of(prompt)]] as const)),
    );
    expect(chunks.flatMap(({ choices }) => choices.map(({ index }) => index))).toEqual([0, 2, 4, 1, 3, 5]);
  });

  it('passes on what is no chunk', () => {
    const odd = [': a comment\n\n', 'data: {"half\n\n'];
    expect(new ChunkMerger(2).take(0, frame(...odd))?.bytes.toString()).toBe(odd.join(''));
  });

  const delta = fc.record(
    {
      content: fc.string({ unit: 'grapheme' }),
      role: fc.constant('assistant'),
      tool_calls: fc.array(fc.jsonValue()),
    },
    { requiredKeys: [] },
  );
  const stream = fc.record({
    id: fc.string({ minLength: 1 }),
    created: fc.integer({ min: 1 }),
    deltas: fc.array(delta, { maxLength: 12 }),
  });

  it('gives per index the stream of that call, however the calls come and are packed', () => {
    let mixed = 0;
    fc.assert(
      fc.property(
        fc.array(stream, { minLength: 1, maxLength: 5 }),
        fc.infiniteStream(fc.nat()),
        fc.infiniteStream(fc.integer({ min: 1, max: 3 })),
        (streams, turns, packs) => {
          const made = streams.map(({ id, created, deltas }) => {
            const said = deltas.map((each) => ({
              id,
              created,
              choices: [{ index: 0, delta: each, logprobs: null }],
            }));
            const choices = [{ index: 0, delta: {}, finish_reason: 'stop' }];
            return [
              ...said,
              { id, created, choices },
              { id, created, choices: [], usage: { total_tokens: 3 } },
            ];
          });
          const left = made.map((chunks) => [...chunks.map(event), DONE]);
          const frames: [number, string[]][] = [];
          while (left.some((events) => events.length > 0)) {
            const open = left.flatMap((events, call) => (events.length > 0 ? [call] : []));
            const call = open[Number(turns.next().value) % open.length] ?? 0;
            frames.push([call, left[call]?.splice(0, Number(packs.next().value)) ?? []]);
          }
          if (frames.some(([call], at) => at > 0 && call < (frames[at - 1]?.[0] ?? 0))) mixed++;
          const { text, chunks } = merge(streams.length, frames);
          const [total, ...others] = chunks.toReversed();
          expect(total).toMatchObject({ choices: [], usage: { total_tokens: 3 * streams.length } });
          expect(others.every(({ choices }) => choices.length === 1)).toBe(true);
          expect(new Set(chunks.map(({ id }) => id)).size).toBe(1);
          expect(new Set(chunks.map(({ created }) => created)).size).toBe(1);
          for (const [call, own] of made.entries()) {
            const seen = others
              .toReversed()
              .flatMap(({ choices }) => choices.filter((each) => each.index === call));
            const sent = own.flatMap(({ choices }) => choices.map((each) => ({ ...each, index: call })));
            expect(seen).toEqual(JSON.parse(JSON.stringify(sent)));
          }
          expect(text.endsWith(DONE) && text.indexOf(DONE) === text.length - DONE.length).toBe(true);
        },
      ),
      { numRuns: 500 },
    );
    expect(mixed).toBeGreaterThan(100);
  });
});
