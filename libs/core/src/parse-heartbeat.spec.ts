import { describe, expect, it } from '@jest/globals';
import type { WorkerHeartbeat } from './fleet.js';
import { parseHeartbeat } from './parse-heartbeat.js';

const provider = {
  name: 'gpu',
  kind: 'openai-compatible',
  location: 'local',
  concurrency: 4,
  models: ['m'],
  credential: 'ok',
} as const;
const heartbeat: WorkerHeartbeat = { v: 1, worker: 'w', pid: 7, startedAt: 8, providers: [provider] };

describe('parseHeartbeat', () => {
  it('reads what a worker of this version writes', () => {
    const away = { ...provider, reachable: false, trouble: { reason: '503', at: 9 } };
    const lacking = { ...provider, capabilities: { n: 'emulated', tools: false, dimensions: [8] } };
    const beats = [[provider], [away], [], [lacking]].map((providers) => ({ ...heartbeat, providers }));
    for (const each of beats) {
      expect(parseHeartbeat(JSON.stringify(each))).toEqual(each);
    }
  });

  it('reads what a later version writes, as far as it knows it', () => {
    const later = {
      ...heartbeat,
      v: 2,
      zone: 'a',
      providers: [{ ...provider, kind: 'new', cost: { in: 1 } }],
    };
    expect(parseHeartbeat(JSON.stringify(later))).toMatchObject({
      v: 1,
      worker: 'w',
      providers: [{ name: 'gpu', kind: 'new', models: ['m'], credential: 'ok' }],
    });
    const refreshing = { ...heartbeat, providers: [{ ...provider, credential: 'refreshing' }] };
    expect(parseHeartbeat(JSON.stringify(refreshing))).toEqual(heartbeat);
  });

  it('takes what it cannot read of the capabilities as not said', () => {
    const later = { n: 'streamed', tools: false, parameters: { seed: 'round' }, embeddingBatch: 0, odd: 1 };
    for (const [capabilities, read] of [
      [later, { tools: false }],
      ['all', {}],
      [null, {}],
    ]) {
      const beat = { ...heartbeat, providers: [{ ...provider, capabilities }] };
      expect(parseHeartbeat(JSON.stringify(beat))?.providers).toEqual([{ ...provider, capabilities: read }]);
    }
  });

  it('leaves out a provider that it cannot read, and keeps the others', () => {
    const odd = [{ ...provider, location: 'orbit' }, { name: 'x' }, null, { ...provider, models: 'all' }];
    expect(parseHeartbeat(JSON.stringify({ ...heartbeat, providers: [...odd, provider] }))).toEqual(
      heartbeat,
    );
  });

  it.each(['', '{', 'null', '[]', '{"v":2}', JSON.stringify({ ...heartbeat, providers: {} })])(
    'passes over %j',
    (text) => expect(parseHeartbeat(text)).toBeUndefined(),
  );
});
