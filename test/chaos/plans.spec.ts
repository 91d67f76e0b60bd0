import { describe, expect, it } from '@jest/globals';
import { API_POINTS, UPSTREAM_POINTS, WORKER_POINTS } from './kill-points.js';
import { planStrikes } from './nemesis.js';
import { planRequest } from './plan-requests.js';
import { Random } from '../support/random.js';

const plansOf = (seed: number, count: number) => {
  const random = new Random(seed);
  return Array.from({ length: count }, (_, nth) => planRequest(random, `m${nth}`));
};

describe('a campaign’s plan', () => {
  it('is the same for the same seed, and another for another', () => {
    expect(plansOf(7, 50)).toEqual(plansOf(7, 50));
    expect(plansOf(7, 50)).not.toEqual(plansOf(8, 50));
  });

  it('has every kind of client and of upstream fault', () => {
    const plans = plansOf(1, 2_000);
    const kinds = new Set(plans.flatMap(({ scripts }) => scripts.map(({ kind }) => kind)));
    expect([...kinds].toSorted()).toEqual(['cut', 'hang', 'refuse', 'stall', 'status', 'truncate']);
    expect(plans.filter(({ leaves }) => leaves).length).toBeGreaterThan(100);
    expect(plans.filter(({ stream }) => !stream).length).toBeGreaterThan(400);
    expect(plans.filter(({ model }) => model === 'one').length).toBeGreaterThan(800);
    expect(new Set(plans.map(({ kept }) => kept)).size).toBe(3);
    expect(plans.filter(({ clients }) => clients > 1).length).toBeGreaterThan(20);
    const tokens = plans.map(({ tokens }) => tokens);
    expect(Math.min(...tokens)).toBe(1);
    expect(Math.max(...tokens)).toBeGreaterThan(190);
    expect(Math.max(...tokens)).toBeLessThanOrEqual(200);
  });

  it('strikes as often as asked, spread over its time, in order', () => {
    const counts = { kills: 100, stops: 30, restarts: 2, pauses: 3, cuts: 5 };
    const strikes = planStrikes(new Random(1), counts, 60_000);
    expect(strikes.filter(({ strike }) => strike.kind.startsWith('kill'))).toHaveLength(100);
    expect(strikes.filter(({ strike }) => strike.kind === 'freeze')).toHaveLength(30);
    expect(strikes).toHaveLength(140);
    const points = strikes.flatMap(({ strike }) => ('point' in strike ? [strike.point] : []));
    expect([...new Set(points)].toSorted()).toEqual(
      ['any', ...API_POINTS, ...UPSTREAM_POINTS, ...WORKER_POINTS].toSorted(),
    );
    const times = strikes.map(({ atMs }) => atMs);
    expect(times).toEqual(times.toSorted((one, other) => one - other));
    expect(times.filter((atMs) => atMs < 30_000).length).toBeGreaterThan(60);
    expect(times.at(-1)).toBeLessThan(60_000);
  });
});
