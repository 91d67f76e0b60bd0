import { setImmediate } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { collectCall } from '../../../../test/support/collect-call.js';
import { Random } from '../../../../test/support/random.js';
import { startUpstream } from '../../../../test/support/upstream.js';
import type { Upstream } from '../../../../test/support/upstream.js';
import { streamAs } from '../../../../test/support/upstream-behaviours.js';
import { drawPieces, drawStream } from '../../../../test/support/valid-stream.js';
import { OpenAiCompatibleProvider } from './openai-compatible-provider.js';

const CASES = 300;
const FIRST_SEED = 4_711;

let upstream: Upstream;
let provider: OpenAiCompatibleProvider;

beforeAll(async () => {
  upstream = await startUpstream();
  provider = new OpenAiCompatibleProvider({ name: 'test', baseUrl: upstream.baseUrl });
});

afterAll(async () => {
  await provider.close();
  await upstream.close();
});

describe('a valid stream over a socket', () => {
  it(`gives the same bytes however they are sent: ${CASES} cases`, async () => {
    for (let seed = FIRST_SEED; seed < FIRST_SEED + CASES; seed++) {
      const random = new Random(seed);
      const { bytes, includeUsage, expected } = drawStream(random);
      const pieces = drawPieces(random, bytes);
      const send = streamAs({}, async (writer) => {
        for (const piece of pieces) {
          await writer.raw(piece);
          // The reader has its turn: what follows is a piece of its own there, too.
          await setImmediate();
        }
      });
      upstream.script(send);
      const { text, end } = await collectCall(provider, { includeUsage });
      expect({ seed, text, ok: end.ok }).toEqual({ seed, text: `${expected}data: [DONE]\n\n`, ok: true });
    }
  });
});
