import { describe, expect, it, jest } from '@jest/globals';
import { Random } from '../support/random.js';
import type { Answered } from '../support/chat-call.js';
import { withHealthScene } from '../support/health-scene.js';
import { markedAnswer } from '../support/marked-answer.js';
import { gated, status, type Behaviour } from '../support/upstream-behaviours.js';
import { createGate } from '../support/upstream-gate.js';

// Each test starts processes of its own.
jest.setTimeout(60_000);

const attemptsOf = ({ headers }: Answered) => Number(headers['x-spillway-attempts']);
const verdictOf = ({ status: code, error }: Answered) => [code, error?.code];
const limited = (seconds: string) => status(429, { retryAfter: seconds });

/** Clocks of two processes may differ by a timer's tick, ms. */
const TICK_MS = 50;

describe('a request whose only target is busy', () => {
  it.each([true, false])(
    'waits for as long as it says, and is answered then (stream: %s)',
    async (stream) => {
      await withHealthScene({}, async (scene) => {
        scene.a.script(limited('1'));
        const answer = await scene.ask({ model: 'a', stream }).answered;
        expect(answer).toMatchObject({ status: 200, done: true });
        expect([scene.a.calls.length, attemptsOf(answer)]).toEqual([2, 2]);
        const [first, second] = scene.a.calls.map(({ startedAt }) => startedAt);
        expect((second ?? 0) - (first ?? 0)).toBeGreaterThanOrEqual(1_000 - TICK_MS);
      });
    },
  );

  it('waits before its first call, too, where that is known already', async () => {
    await withHealthScene({ apis: 2, workers: 2 }, async (scene) => {
      scene.a.script(limited('2'));
      const first = scene.ask({ model: 'a' }).answered;
      await scene.waitForCoolDown('a/x');
      const answers = await scene.askAll(6, { model: 'a' });
      expect(answers.map((each) => [each.status, attemptsOf(each)])).toEqual(answers.map(() => [200, 1]));
      expect(attemptsOf(await first)).toBe(2);
      const [refused, ...others] = scene.a.calls.map(({ startedAt }) => startedAt);
      expect(others).toHaveLength(7);
      expect(Math.min(...others) - (refused ?? 0)).toBeGreaterThanOrEqual(2_000 - TICK_MS);
    });
  });

  it('is refused at once where that would take too long, before and after a call', async () => {
    await withHealthScene({ top: { queue: { maxRetryDelayMs: 5_000 } } }, async (scene) => {
      scene.a.otherwise(limited('40'));
      const first = await scene.ask({ model: 'a' }).answered;
      const stored = await scene.stored();
      const later = await scene.askAll(5, { model: 'a' });
      for (const { headers, ...answer } of [first, ...later]) {
        expect(verdictOf({ headers, ...answer })).toEqual([429, 'rate_limit_exceeded']);
        expect(Number(headers['retry-after'])).toBeGreaterThan(20);
        expect(Number(headers['retry-after'])).toBeLessThanOrEqual(40);
      }
      expect(scene.a.calls).toHaveLength(1);
      expect(stored).toBe(1);
      expect(await scene.stored()).toBe(stored);
    });
  });

  it('is called again three times at most', async () => {
    await withHealthScene({}, async (scene) => {
      scene.a.otherwise(limited('0.3'));
      const answer = await scene.ask({ model: 'a' }).answered;
      expect(verdictOf(answer)).toEqual([429, 'rate_limit_exceeded']);
      expect(scene.a.calls).toHaveLength(4);
    });
  });

  it('is called again by a few of many only: the budget', async () => {
    await withHealthScene({}, async (scene) => {
      const gate = createGate();
      const count = 10;
      scene.a.script(...Array.from({ length: count }, () => gated(gate, limited('1'))));
      const asked = scene.askAll(count, { model: 'a' });
      await scene.a.waitForCall(count);
      gate.open();
      const answers = await asked;
      expect(answers.filter(({ status: code }) => code === 429)).toHaveLength(count - 3);
      expect(answers.filter(({ status: code, done }) => code === 200 && done)).toHaveLength(3);
      expect(scene.a.calls).toHaveLength(count + 3);
    });
  });

  it('says 502 where it was overloaded (529) to the end', async () => {
    await withHealthScene({ top: { queue: { maxRetryDelayMs: 0 } } }, async (scene) => {
      scene.a.otherwise(status(529));
      scene.b.otherwise(status(529));
      const answer = await scene.ask().answered;
      expect(verdictOf(answer)).toEqual([502, 'upstream_error']);
      expect(answer.headers['x-should-retry']).toBe('false');
      expect((await scene.health()).breakers.get('a')?.open).toBeUndefined();
    });
  });
});

describe('two targets that fail half their calls each', () => {
  /** A printed seed that fails is to be tried again. */
  const SEED = 20_261_104;

  /** Of any ten calls five fail before output, in an order that the seed draws. */
  function halfFailing(seed: number): Behaviour {
    const random = new Random(seed);
    const [good, bad] = [markedAnswer(2), status(500)];
    let drawn: Behaviour[] = [];
    return (call) => {
      if (drawn.length === 0) {
        const keyed = Array.from(
          { length: 10 },
          (_, n) => [random.next(), n % 2 === 0 ? good : bad] as const,
        );
        drawn = keyed.toSorted(([one], [other]) => one - other).map(([, behaviour]) => behaviour);
      }
      return (drawn.pop() ?? good)(call);
    };
  }

  it(`answer 74 of 100 requests with 1.6 calls each (seed ${SEED})`, async () => {
    await withHealthScene({ apis: 2, workers: 2 }, async (scene) => {
      scene.a.otherwise(halfFailing(SEED));
      scene.b.otherwise(halfFailing(SEED + 1));
      const [rounds, width] = [50, 10];
      const answers: Answered[] = [];
      for (let n = 0; n < rounds; n += 1)
        answers.push(...(await scene.askAll(width, { stream: n % 2 === 0 })));
      const calls = scene.a.calls.length + scene.b.calls.length;
      const answered = answers.filter(({ status: code, done }) => code === 200 && done).length;
      expect(answers).toHaveLength(rounds * width);
      expect(calls / answers.length).toBeLessThanOrEqual(1.6);
      expect(answered / answers.length).toBeGreaterThanOrEqual(0.74);
      expect(answers.filter(({ status: code }) => code !== 200).map(verdictOf)).toEqual(
        Array.from({ length: answers.length - answered }, () => [502, 'upstream_error']),
      );
      // Half of its calls is no outage.
      const { breakers } = await scene.health();
      expect([breakers.get('a')?.open, breakers.get('b')?.open]).toEqual([undefined, undefined]);
    });
  });
});
