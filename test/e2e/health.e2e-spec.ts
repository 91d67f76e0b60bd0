import { describe, expect, it, jest } from '@jest/globals';
import type { Answered } from '../support/chat-call.js';
import { withDeadline } from '../support/client.js';
import { HealthScene, withHealthScene } from '../support/health-scene.js';
import { markedAnswer } from '../support/marked-answer.js';
import { drop, gated, status } from '../support/upstream-behaviours.js';
import { createGate } from '../support/upstream-gate.js';

// Each test starts processes of its own.
jest.setTimeout(60_000);

const servedBy = ({ headers }: Answered) => headers['x-spillway-provider'];
const attemptsOf = ({ headers }: Answered) => Number(headers['x-spillway-attempts']);
const verdictOf = ({ status: code, error }: Answered) => [code, error?.code];

/** Waits until the breaker of `a` lets a probe through. */
async function waitForHalfOpen(scene: HealthScene): Promise<void> {
  await scene.waitForBreaker('a', ({ open }, now) => open !== undefined && open.until <= now);
}

describe('a provider that is known to be down', () => {
  it.each([
    ['fails', status(500)],
    ['drops its connections', drop()],
  ])('costs nothing but its probes: it %s', async (_, behaviour) => {
    await withHealthScene({}, async (scene) => {
      await scene.takeDown('a', { behaviour });
      const [before, count] = [scene.a.calls.length, 100];
      const answers: Answered[] = [];
      for (let n = 0; n < count; n += 1) answers.push(await scene.ask({ stream: n % 2 === 0 }).answered);
      expect(answers.filter(({ status: code, done }) => code === 200 && done)).toHaveLength(count);
      expect(scene.b.calls).toHaveLength(count);
      const calls = scene.a.calls.length - before + scene.b.calls.length;
      expect(calls / count).toBeLessThanOrEqual(1.05);
      expect(answers.filter((each) => attemptsOf(each) === 1).length).toBeGreaterThanOrEqual(95);
    });
  });

  it('is called by a single probe once it is half-open, and by all once that is answered', async () => {
    await withHealthScene({ apis: 2, workers: 2 }, async (scene) => {
      await scene.takeDown('a');
      const gate = createGate();
      scene.a.otherwise(gated(gate, markedAnswer(2)));
      await waitForHalfOpen(scene);
      const before = scene.a.calls.length;
      const asked = Array.from({ length: 20 }, (_, n) => scene.ask({}, n % 2).answered);
      const done: Answered[] = [];
      const others = Promise.withResolvers<void>();
      for (const each of asked) {
        void each.then((answer) => done.push(answer) === 19 && others.resolve());
      }
      await withDeadline(others.promise, 'all but the probe');
      expect(done.map(servedBy)).toEqual(Array.from({ length: 19 }, () => 'b'));
      expect(scene.a.calls.length).toBe(before + 1);
      gate.open();
      const answers = await Promise.all(asked);
      expect(answers.filter((each) => servedBy(each) === 'a')).toHaveLength(1);
      await scene.waitForBreaker('a', ({ open }) => open === undefined);
      expect((await scene.askAll(10)).map(servedBy)).toEqual(Array.from({ length: 10 }, () => 'a'));
    });
  });

  it('is open to others from the first token of a probe on, not only from its end', async () => {
    await withHealthScene({}, async (scene) => {
      await scene.takeDown('a');
      const gate = createGate();
      scene.a.otherwise(markedAnswer(2, gate));
      await waitForHalfOpen(scene);
      const probe = scene.ask({ stream: true });
      await scene.a.waitForCall(scene.a.calls.length + 1);
      gate.release();
      await probe.waitForTokens(1);
      await scene.waitForBreaker('a', ({ open }) => open === undefined);
      gate.open();
      expect(await probe.answered).toMatchObject({ status: 200, done: true });
    });
  });

  it('makes a request wait that a worker has already; others are served when it is well again', async () => {
    await withHealthScene({ concurrency: 1 }, async (scene) => {
      const gate = createGate();
      scene.a.script(...Array.from({ length: 5 }, () => gated(gate, status(500))));
      const asked = Array.from({ length: 8 }, () => scene.ask({ model: 'a' }).answered);
      await scene.a.waitForCall(1);
      gate.open();
      const answers = await Promise.all(asked);
      // Five found out; the three behind them waited for the half-open breaker.
      expect(answers.map(({ status: code }) => code).toSorted((one, other) => one - other)).toEqual([
        200, 200, 200, 502, 502, 502, 502, 502,
      ]);
      expect(scene.a.calls).toHaveLength(8);
    });
  });
});

describe('a request whose providers are all known to be down', () => {
  it('is refused with the time of the soonest probe, and leaves nothing behind', async () => {
    await withHealthScene({}, async (scene) => {
      // For so long that no probe is due while these are asked.
      await Promise.all([scene.takeDown('a', { forMs: 4_000 }), scene.takeDown('b', { forMs: 4_000 })]);
      const [stored, calls] = [await scene.stored(), scene.a.calls.length + scene.b.calls.length];
      const answers = await scene.askAll(20);
      for (const { headers, error, ...answer } of answers) {
        expect([answer.status, error?.code]).toEqual([503, 'no_provider_available']);
        expect(error?.message).toContain('a: known to be down; b: known to be down');
        expect(Number(headers['retry-after'])).toBeGreaterThanOrEqual(1);
        expect(Number(headers['retry-after'])).toBeLessThanOrEqual(8);
        expect(headers['x-should-retry']).toBeUndefined();
      }
      expect(scene.a.calls.length + scene.b.calls.length).toBe(calls);
      expect(stored).toBeGreaterThan(0);
      expect(await scene.stored()).toBe(stored);
    });
  });
});

describe('a target that is busy', () => {
  it('is left alone by all workers and apis for as long as it says', async () => {
    await withHealthScene({ apis: 2, workers: 2, concurrency: 1 }, async (scene) => {
      const gate = createGate();
      scene.a.script(gated(gate, status(429, { retryAfter: '30' })));
      const first = scene.ask().answered;
      await scene.a.waitForCall(1);
      // These wait in the queue of `a` already when it begins to cool down.
      const queued = scene.askAll(6);
      await scene.waitForQueue('a', 6);
      gate.open();
      expect(servedBy(await first)).toBe('b');
      const moved = await queued;
      expect(moved.map((each) => [servedBy(each), attemptsOf(each)])).toEqual(moved.map(() => ['b', 2]));
      const later = await scene.askAll(10);
      expect(later.map((each) => [servedBy(each), attemptsOf(each)])).toEqual(later.map(() => ['b', 1]));
      expect(scene.a.calls).toHaveLength(1);
    });
  });
});

describe('a credential that is refused', () => {
  it.each([
    ['401', status(401)],
    ['402', status(402)],
    ['403', status(403)],
    ['a spent quota', status(429, { code: 'insufficient_quota' })],
  ])('is marked at once, told to the operator once, and never to the client: %s', async (_, behaviour) => {
    await withHealthScene({ workers: 1 }, async (scene) => {
      scene.a.otherwise(behaviour);
      expect(verdictOf(await scene.ask({ model: 'a' }).answered)).toEqual([
        502,
        'upstream_credentials_exhausted',
      ]);
      await scene.waitForCredential('a', 'rejected');
      // The api has read it within a second.
      const calls = await scene.waitForAttempts(1);
      const answers = await scene.askAll(10);
      expect(answers.map((each) => [servedBy(each), attemptsOf(each)])).toEqual(answers.map(() => ['b', 1]));
      expect(scene.a.calls).toHaveLength(calls);
      expect(scene.broker.output.split('the provider refuses our credential')).toHaveLength(2);
      // It says nothing of the provider itself.
      expect((await scene.health()).breakers.get('a')).toBeUndefined();
    });
  });
});
