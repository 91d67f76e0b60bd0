import { expect } from '@jest/globals';
import { eventually } from '../../support/client.js';
import { json } from '../../support/upstream-behaviours.js';
import { completion, embeddings, vectorOf } from '../../support/upstream-endpoints.js';
import { ASK, lastCall } from './scene.js';
import type { Checks } from './scene.js';

const VECTORS = ['one text', 'another “tëxt”', 'one text again'];
/** More than a provider takes at once: this broker makes two calls of them, and SDKs may have split them before. */
const MANY = Array.from({ length: 2_500 }, (_, at) => `text ${at}`);
export const otherChecks = {
  complete: async (complete, { sdk: { upstream } }) => {
    upstream.script(completion(' jumps over'));
    const expected = { text: ' jumps over', finish: 'stop', inputTokens: 7, outputTokens: 2 };
    expect(await complete(ASK)).toEqual(expected);
    const { path, json: body } = lastCall(upstream);
    expect(path).toBe('/v1/completions');
    expect(String(body?.['prompt'])).toContain(ASK.prompt);
  },
  streamCompletion: async (read, { sdk: { upstream } }) => {
    upstream.script(completion(' jumps over it'));
    expect(await read(ASK)).toEqual({ texts: [' jumps', ' over', ' it'], finish: 'stop' });
    expect(lastCall(upstream)).toMatchObject({ path: '/v1/completions', stream: true });
  },
  streamCompletionUsage: async (read, { sdk: { upstream } }) => {
    upstream.script(completion(' jumps over it', { usage: 'finish' }));
    expect(await read(ASK)).toEqual({ inputTokens: 7, outputTokens: 3 });
  },
  embed: async (embed, { sdk: { upstream }, encoding }) => {
    upstream.script(embeddings({ encoding: 'float' }), embeddings());
    expect(await embed({ inputs: ['alone'] })).toEqual([vectorOf('alone')]);
    expect(await embed({ inputs: VECTORS })).toEqual(VECTORS.map((text) => vectorOf(text)));
    expect(lastCall(upstream)).toMatchObject({ path: '/v1/embeddings', model: 'vectors' });
    expect(lastCall(upstream).json).toMatchObject({ encoding_format: encoding });
  },
  embedFloat: async (embed, { sdk: { upstream } }) => {
    upstream.script(embeddings());
    expect(await embed({ inputs: VECTORS, encoding: 'float' })).toEqual(
      VECTORS.map((text) => vectorOf(text)),
    );
    expect(lastCall(upstream).json).toMatchObject({ encoding_format: 'float' });
  },
  embedDimensions: async (embed, { sdk: { upstream } }) => {
    upstream.script(embeddings());
    expect(await embed({ inputs: VECTORS, dimensions: 3 })).toEqual(VECTORS.map((text) => vectorOf(text, 3)));
    expect(lastCall(upstream).json).toMatchObject({ dimensions: 3 });
  },
  embedMany: async (embed, { sdk: { upstream } }) => {
    const before = upstream.calls.length;
    upstream.when({ model: 'vectors' }, embeddings());
    expect(await embed({ inputs: MANY })).toEqual(MANY.map((text) => vectorOf(text)));
    const counts = upstream.calls.slice(before).map(({ json: body }) => [body?.['input']].flat().length);
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(MANY.length);
    expect(Math.max(...counts)).toBeLessThanOrEqual(2_048);
  },
  moderate: async (moderate, { sdk: { upstream } }) => {
    const results = [{ flagged: true, categories: { violence: true }, category_scores: { violence: 1 } }];
    upstream.script(json({ id: 'modr-1', model: 'judge', results }));
    expect(await moderate(ASK)).toBe(true);
    expect(lastCall(upstream)).toMatchObject({ path: '/v1/moderations', json: { input: ASK.prompt } });
  },
  models: async (list) => {
    expect(await list()).toEqual(expect.arrayContaining(['m', 'lonely', 'vectors']));
  },
  model: async (retrieve, { sdk }) => {
    // Configured ones are there at once, those of a worker with its first heartbeat.
    const look = () => sdk.client.models.retrieve('org/announced').catch(() => undefined);
    await eventually(look, 'a worker that announces it');
    expect(await retrieve('org/announced')).toBe('org/announced');
  },
} satisfies Partial<Checks>;
