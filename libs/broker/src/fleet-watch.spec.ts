import { describe, expect, it } from '@jest/globals';
import type { ProviderAnnouncement, WorkerHeartbeat } from '#core/fleet.js';
import { unite } from './fleet-watch.js';

function heartbeat(worker: string, ...providers: Partial<ProviderAnnouncement>[]): WorkerHeartbeat {
  const whole = {
    name: 'gpu',
    kind: 'openai-compatible',
    location: 'local',
    concurrency: 4,
    models: [],
  } as const;
  return {
    v: 1,
    worker,
    pid: 1,
    startedAt: 0,
    providers: providers.map((provider) => ({ ...whole, credential: 'ok', ...provider })),
  };
}

describe('unite', () => {
  it('keeps each provider once, with the models of all its workers', () => {
    const fleet = unite([
      heartbeat('a', { models: ['llama', 'qwen'] }, { name: 'openai', models: ['gpt'] }),
      heartbeat('b', { models: ['qwen', 'phi'] }),
    ]);
    expect([...fleet.keys()]).toEqual(['gpu', 'openai']);
    expect(fleet.get('gpu')?.models).toEqual(['llama', 'qwen', 'phi']);
  });

  it.each<[string[] | undefined, string[] | undefined, string[] | undefined]>([
    [['llama'], ['qwen', 'llama'], ['llama', 'qwen']],
    [undefined, ['qwen'], ['qwen']],
    [['llama'], undefined, ['llama']],
    [[], [], []],
    [undefined, undefined, undefined],
  ])('of the loaded models %j and %j takes %j', (first, second, expected) => {
    const beat = (worker: string, loaded: string[] | undefined) =>
      heartbeat(worker, { ...(loaded && { loaded }) });
    expect(unite([beat('a', first), beat('b', second)]).get('gpu')?.loaded).toEqual(expected);
  });

  it.each([
    ['ok', 'rejected', 'ok'],
    ['missing', 'ok', 'ok'],
    ['missing', 'rejected', 'rejected'],
  ] as const)('of credentials %s and %s takes %s', (first, second, expected) => {
    const fleet = unite([heartbeat('a', { credential: first }), heartbeat('b', { credential: second })]);
    expect(fleet.get('gpu')?.credential).toBe(expected);
  });

  it.each([
    ['local', 'local', 'local'],
    ['local', 'cloud', 'cloud'],
    ['cloud', 'local', 'cloud'],
  ] as const)('of locations %s and %s takes %s', (first, second, expected) => {
    const fleet = unite([heartbeat('a', { location: first }), heartbeat('b', { location: second })]);
    expect(fleet.get('gpu')?.location).toBe(expected);
  });

  it('has what any worker says of the capabilities, and of two words the first', () => {
    const fleet = unite([
      heartbeat('a', { capabilities: { n: 'emulated', parameters: { seed: 'drop' } } }),
      heartbeat('b'),
      heartbeat('c', { capabilities: { n: 'native', tools: false, parameters: { user: 'refuse' } } }),
    ]);
    expect(fleet.get('gpu')?.capabilities).toEqual({
      n: 'emulated',
      tools: false,
      parameters: { seed: 'drop', user: 'refuse' },
    });
    expect(unite([heartbeat('a', {})]).get('gpu')).not.toHaveProperty('capabilities');
  });

  it.each([
    [false, false, false],
    [false, true, undefined],
    [true, false, undefined],
    [undefined, false, undefined],
  ])('of workers that can reach it %s and %s takes %s', (first, second, expected) => {
    const say = (reachable?: boolean) => (reachable === undefined ? {} : { reachable });
    const fleet = unite([heartbeat('a', say(first)), heartbeat('b', say(second))]);
    expect(fleet.get('gpu')?.reachable).toBe(expected);
  });
});
