import { afterAll, describe, expect, it } from '@jest/globals';
import { brokenLedgers } from './broken-ledgers.js';
import { search } from './search.js';
import { settings } from './settings.js';
import { wholeModel, type Setting } from './world.js';

/** What each setting must at least have walked: a search that meets nothing proves nothing. */
const walks = [
  { name: 'twoFaults', worlds: 40_000, outcomes: ['completed', 'stream_interrupted'] },
  { name: 'fallback', worlds: 10_000, outcomes: ['completed', 'stream_interrupted', 'upstream_error'] },
  { name: 'lostMove', worlds: 10_000, outcomes: ['completed', 'upstream_error'] },
  { name: 'lostJob', worlds: 2_500, outcomes: ['completed'] },
  { name: 'queueWait', worlds: 10_000, outcomes: ['completed', 'stream_interrupted'] },
  { name: 'wholeAnswer', worlds: 10_000, outcomes: ['completed', 'upstream_error'] },
  { name: 'cancelAndDeadline', worlds: 20_000, outcomes: ['completed', 'cancelled', 'deadline_exceeded'] },
  { name: 'retry', worlds: 2_000, outcomes: ['completed', 'upstream_error'] },
  { name: 'retryCancelled', worlds: 100, outcomes: ['completed', 'cancelled', 'deadline_exceeded'] },
  { name: 'retryMoves', worlds: 500, outcomes: ['completed', 'upstream_error'] },
  { name: 'lateUsage', worlds: 10_000, outcomes: ['completed', 'cancelled', 'stream_interrupted'] },
  { name: 'killer', worlds: 20_000, outcomes: ['completed', 'stream_interrupted', 'internal_error'] },
] as const;

const report: string[] = [];
afterAll(() => void process.stdout.write(`${report.join('\n')}\n`));

describe('every history of a request', () => {
  it.each(walks)('keeps the promise: $name', ({ name, worlds, outcomes }) => {
    const setting: Setting = settings[name];
    const found = search(setting);
    report.push(`${name}: ${found.worlds} worlds, ${found.steps} steps, ${JSON.stringify(found.outcomes)}`);
    expect(found.broken).toBeUndefined();
    expect(found.worlds).toBeGreaterThan(worlds);
    expect(Object.keys(found.outcomes)).toEqual(expect.arrayContaining([...outcomes]));
  });
});

describe('a ledger without one of its guards breaks the promise', () => {
  it.each(brokenLedgers)('$name', ({ without, setting, promise }) => {
    const found = search({ ...settings[setting], ledger: { ...wholeModel, ...without } });
    expect(found.broken?.promise).toMatch(promise);
  });
});
