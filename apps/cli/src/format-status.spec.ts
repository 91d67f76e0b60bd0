import { describe, expect, it } from '@jest/globals';
import { formatStatus } from './format-status.js';

const known = { location: 'local', credential: 'ok', reachable: true, concurrency: 4 } as const;

describe('formatStatus', () => {
  it('shows each provider with its queue, then the workers', () => {
    const lines = formatStatus({
      redis: 'redis://127.0.0.1:6379',
      workers: [{ name: 'worker-a', pid: 1, upMs: 185_000, providers: ['ollama', 'openai'] }],
      providers: [
        { name: 'gone', workers: 0, running: 0, waiting: 1, oldestWaitMs: 9_900 },
        {
          ...known,
          name: 'ollama',
          workers: 1,
          models: ['a', 'b'],
          loaded: ['b'],
          running: 1,
          waiting: 2,
          oldestWaitMs: 61_000,
        },
        {
          ...known,
          name: 'openai',
          location: 'cloud',
          credential: 'rejected',
          workers: 1,
          models: [],
          running: 0,
          waiting: 0,
        },
        { ...known, name: 'vllm', reachable: false, workers: 1, models: ['a'], running: 0, waiting: 0 },
        {
          ...known,
          name: 'worse',
          trouble: { reason: '503', agoMs: 4_000 },
          workers: 1,
          models: ['a'],
          running: 0,
          waiting: 0,
        },
      ],
    });
    expect(lines).toEqual([
      'redis://127.0.0.1:6379: 1 worker, 5 providers, 1 running, 3 waiting',
      '',
      'provider  location  workers  health               models       running  waiting  oldest',
      'gone      -         0        no worker            -            0        1        9 s',
      'ollama    local     1        ok                   2, 1 loaded  1 of 4   2        1 min',
      'openai    cloud     1        credential rejected  0            0 of 4   0        -',
      'vllm      local     1        away                 1            0 of 4   0        -',
      'worse     local     1        failing, 4 s ago     1            0 of 4   0        -',
      '',
      'worker    up     serves',
      'worker-a  3 min  ollama, openai',
      '',
      expect.stringMatching(/^gone: 1 request waits, and no worker serves it/),
      expect.stringMatching(/^openai: it refuses our credential/),
      expect.stringMatching(/^vllm: nobody answers/),
      expect.stringMatching(/^worse: its calls fail \(503\)/),
    ]);
  });

  it.each([
    [
      { breaker: { state: 'open', nextMs: 4_900 }, trouble: { reason: '503', agoMs: 1 } },
      'down, next try in 4 s',
    ],
    [{ breaker: { state: 'half-open', nextMs: 0 } }, 'down, on trial'],
    [
      {
        coolDowns: [
          { model: 'a', leftMs: 1_000 },
          { model: 'b', leftMs: 61_000 },
        ],
      },
      'busy, 1 min more',
    ],
  ] as const)('shows the health %j as %s', (health, text) => {
    const provider = { ...known, ...health, name: 'a', workers: 1, models: [], running: 0, waiting: 0 };
    const [row] = formatStatus({ redis: 'r', workers: [], providers: [provider] }).slice(3);
    expect(row).toBe(`a         local     1        ${text}  0       0 of 4   0        -`);
  });

  it('ends with the workers where all is well', () => {
    const provider = { ...known, name: 'a', workers: 1, models: [], running: 0, waiting: 0 };
    const worker = { name: 'worker-a', pid: 1, upMs: 0, providers: ['a'] };
    expect(formatStatus({ redis: 'r', workers: [worker], providers: [provider] }).at(-1)).toMatch(
      /^worker-a /,
    );
  });
});
