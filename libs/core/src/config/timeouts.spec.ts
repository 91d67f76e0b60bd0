import { describe, expect, it } from '@jest/globals';
import { parseConfig } from './parse-config.js';
import { effectiveTimeouts } from './timeouts.js';

const parsed = parseConfig(
  {
    timeouts: { firstTokenMs: 1, idleMs: 2 },
    providers: { demo: { kind: 'demo', timeouts: { idleMs: 20, streamMs: 25, responseMs: 30 } } },
    models: { m: { targets: [{ provider: 'demo', timeouts: { responseMs: 300 } }] } },
  },
  {},
);

describe('effectiveTimeouts', () => {
  it('takes the target before the provider before the global ones', () => {
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
    const { config } = parsed;
    const target = config.models['m']?.targets[0];
    expect(target && effectiveTimeouts(config, target)).toEqual({
      firstTokenMs: 1,
      idleMs: 20,
      streamMs: 25,
      responseMs: 300,
    });
    expect(effectiveTimeouts(config, { provider: 'demo' })).toEqual({
      firstTokenMs: 1,
      idleMs: 20,
      streamMs: 25,
      responseMs: 30,
    });
    const elsewhere = { firstTokenMs: 1, idleMs: 2, responseMs: 300_000 };
    expect(effectiveTimeouts(config, { provider: 'elsewhere' })).toEqual(elsewhere);
  });
});
