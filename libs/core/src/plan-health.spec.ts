import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Controls } from './controls.js';
import { SpillwayError } from './errors.js';
import type { ProviderAnnouncement } from './fleet.js';
import { waitFor } from './health.js';
import type { Health } from './health.js';
import { makePlan } from './plan.js';
import type { Plan } from './plan.js';
import { resolveModel } from './route.js';
import type { Catalogue } from './route.js';
import { targetKey } from './target-key.js';
import type { Target } from './target.js';
import { azure, gpu, healthOf, openai } from './testing/failed-attempt.js';

const impatient = { maxDelayMs: 0, timeoutMs: 60_000 };
const patient = { maxDelayMs: 30_000, timeoutMs: 60_000 };

function catalogueOf(health: Health, targets: readonly Target[] = [gpu, openai, azure]): Catalogue {
  const announced = targets.map(({ provider, location }): [string, ProviderAnnouncement] => [
    provider,
    { name: provider, kind: 'openai-compatible', location, concurrency: 1, models: [], credential: 'ok' },
  ]);
  const providers = Object.fromEntries(
    targets.map(({ provider, location }) => [provider, { kind: 'openai-compatible', location }]),
  );
  const fleet = { providers: new Map(announced), unusable: new Set<string>(), health };
  return { models: { m: { targets } }, providers, fleet };
}

function planFor(catalogue: Catalogue, controls: Partial<Controls> = {}, waiting = patient): Plan {
  const route = resolveModel('m', catalogue);
  return makePlan({ route, controls: { fallback: true, ...controls }, catalogue, waiting });
}

const namesOf = ({ targets }: Plan) => targets.map(({ provider }) => provider);

/** The plan, or the code of its refusal. */
function outcomeOf(make: () => Plan): { readonly plan?: Plan; readonly code?: string } {
  try {
    return { plan: make() };
  } catch (error) {
    if (!(error instanceof SpillwayError)) throw error;
    return { code: error.code };
  }
}

describe('makePlan with health in mind', () => {
  it('puts what is known to be down or cools down behind the others', () => {
    const down = planFor(catalogueOf(healthOf({ 'gpu-box': 900 })));
    expect([namesOf(down), down.delayMs]).toEqual([['openai', 'azure', 'gpu-box'], 0]);
    const both = planFor(catalogueOf(healthOf({ 'gpu-box': 900 }, [[openai, 5]])));
    expect([namesOf(both), both.delayMs]).toEqual([['azure', 'gpu-box', 'openai'], 0]);
  });

  it('tries a half-open provider in its turn', () => {
    expect(namesOf(planFor(catalogueOf(healthOf({ 'gpu-box': 0 }))))).toEqual(['gpu-box', 'openai', 'azure']);
  });

  it('is 503 with the soonest half-open where all are down, however patient', () => {
    const catalogue = catalogueOf(healthOf({ 'gpu-box': 9_000, openai: 2_100, azure: 30_000 }));
    const attempt = (): unknown => planFor(catalogue);
    expect(attempt).toThrow(
      'No provider for m can serve now: gpu-box: known to be down; openai: known to be down; azure: known to be down.',
    );
    expect(attempt).toThrow(
      expect.objectContaining({
        code: 'no_provider_available',
        params: expect.objectContaining({ seconds: 3 }),
      }),
    );
  });

  it('waits for the target that cools down the shortest where none may be called', () => {
    const cooling: [Target, number][] = [
      [gpu, 9_000],
      [openai, 1_200.5],
    ];
    const waits = planFor(catalogueOf(healthOf({ azure: 100 }, cooling)));
    expect([namesOf(waits), waits.delayMs]).toEqual([['openai', 'gpu-box', 'azure'], 1_201]);
  });

  it.each<[string, number, Partial<typeof patient>, Partial<Target>]>([
    ['waiting is switched off', 500, impatient, {}],
    ['it would take longer than maxRetryDelayMs', 30_001, {}, {}],
    ['it would take longer than maxQueueWaitMs', 500, {}, { maxQueueWaitMs: 500 }],
    ['it would leave no time for the call', 2_000, { timeoutMs: 3_000 }, {}],
  ])('is 429 with the time of the soonest where %s', (_, ms, waiting, declared) => {
    const target = { ...gpu, ...declared };
    const catalogue = catalogueOf(healthOf({}, [[target, ms]]), [target]);
    const attempt = (): unknown => planFor(catalogue, {}, { ...patient, ...waiting });
    expect(attempt).toThrow(
      expect.objectContaining({
        code: 'rate_limit_exceeded',
        params: { model: 'm', seconds: Math.ceil(ms / 1_000) },
      }),
    );
  });

  it('does not wait where nobody said that it may', () => {
    const catalogue = catalogueOf(healthOf({}, [[gpu, 500]]), [gpu]);
    const route = resolveModel('m', catalogue);
    const attempt = (): unknown => makePlan({ route, controls: { fallback: true }, catalogue });
    expect(attempt).toThrow(expect.objectContaining({ code: 'rate_limit_exceeded' }));
  });

  it.each([{ only: 'local' }, { fallback: false }] as const)(
    'goes nowhere else for it with %j',
    (controls) => {
      const down = catalogueOf(healthOf({ 'gpu-box': 900 }));
      expect((): unknown => planFor(down, controls)).toThrow(
        expect.objectContaining({ code: 'no_provider_available' }),
      );
      const cooling = planFor(catalogueOf(healthOf({}, [[gpu, 900]])), controls);
      expect([namesOf(cooling), cooling.delayMs]).toEqual([['gpu-box'], 900]);
    },
  );

  it('has the same targets as without health, whatever is known, or refuses', () => {
    const ms = fc.constantFrom(0, 500, 40_000);
    const counts = { waits: 0, refusals: 0 };
    fc.assert(
      fc.property(fc.array(ms, { minLength: 6, maxLength: 6 }), ([a = 0, b = 0, c = 0, ...cool]) => {
        const targets = [gpu, openai, azure];
        const down = { 'gpu-box': a, openai: b, azure: c };
        const health = healthOf(
          down,
          targets.map((each, index) => [each, cool[index] ?? 0]),
        );
        const waits = targets.map((each) => waitFor(each, health));
        const blocked = waits.every(({ ms: wait }) => wait > 0);
        const { plan, code } = outcomeOf(() => planFor(catalogueOf(health)));
        const refusal = waits.every(({ why }) => why === 'open')
          ? 'no_provider_available'
          : 'rate_limit_exceeded';
        expect([undefined, blocked ? refusal : undefined]).toContain(code);
        expect((plan?.targets ?? targets).map(targetKey).toSorted()).toEqual(
          targets.map(targetKey).toSorted(),
        );
        const [first = gpu] = plan?.targets ?? [];
        expect(plan?.delayMs ?? 0).toBe(plan ? Math.ceil(waitFor(first, health).ms) : 0);
        expect(plan === undefined || plan.delayMs > 0 === blocked).toBe(true);
        counts.waits += plan && plan.delayMs > 0 ? 1 : 0;
        counts.refusals += plan ? 0 : 1;
      }),
      { numRuns: 500 },
    );
    expect(Math.min(counts.waits, counts.refusals)).toBeGreaterThan(5);
  });
});
