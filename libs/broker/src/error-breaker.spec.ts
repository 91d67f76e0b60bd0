import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { ErrorBreaker } from './error-breaker.js';

describe('ErrorBreaker', () => {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());

  function breaker() {
    const events: string[] = [];
    const it = new ErrorBreaker({
      pause: () => events.push('pause'),
      resume: () => events.push('resume'),
      report: (reason, errors) => events.push(`report ${reason} ${errors}`),
    });
    const fail = (times: number) => {
      for (let i = 0; i < times; i++) it.failed(new Error('OOM'));
    };
    return { events, fail };
  }

  it('lets a few errors pass', () => {
    const { events, fail } = breaker();
    fail(5);
    jest.advanceTimersByTime(1_001);
    fail(5);
    expect(events).toEqual([]);
  });

  it('pauses once on a burst, and resumes after a second', () => {
    const { events, fail } = breaker();
    fail(5_000);
    expect(events).toEqual(['report OOM 6', 'pause']);
    jest.advanceTimersByTime(1_000);
    expect(events).toEqual(['report OOM 6', 'pause', 'resume']);
  });

  it('pauses again when the errors go on', () => {
    const { events, fail } = breaker();
    fail(6);
    jest.advanceTimersByTime(1_000);
    fail(6);
    expect(events.filter((event) => event === 'pause')).toHaveLength(2);
  });
});
