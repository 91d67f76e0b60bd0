import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { LoadProcess } from '../load-process.js';
import { UpstreamProcess } from '../upstream-process.js';
import type { Loop, TargetStart } from '../contract.js';
import { startDirect } from './direct.js';
import { startFastify } from './fastify.js';
import { startNaive } from './naive.js';
import { ownProgram, startServerTarget } from './server-target.js';

const starts: Record<string, TargetStart> = {
  direct: startDirect,
  fastify: startFastify,
  naive: startNaive,
  'naive-per-read': (upstreamUrl) => startNaive(upstreamUrl, { publish: 'read' }),
};

let upstream: UpstreamProcess;
let load: LoadProcess;
let origin: string;

beforeAll(async () => {
  upstream = await UpstreamProcess.start();
  origin = new URL(upstream.url).origin;
  load = LoadProcess.start();
});

afterAll(async () => {
  await load.stop();
  await upstream.stop();
});

describe.each(Object.keys(starts))('the target %s', (name) => {
  it('passes on every byte of whole answers and streams', async () => {
    const target = await starts[name]?.(origin);
    if (!target || 'missing' in target) throw new Error(`${name} did not start`);
    try {
      const loop: Loop = { kind: 'burst', requests: 40 };
      const { url, headers, model } = target;
      for (const stream of [false, true]) {
        const workload = { stream, events: 20, gapMs: stream ? 2 : 0, delayMs: 0 };
        const { answered, wrong } = await load.run({ url, headers, model, workload, loop });
        expect({ name: target.name, stream, answered, wrong }).toEqual({
          ...{ name, stream, answered: 40, wrong: [] },
        });
      }
    } finally {
      await target.stop();
    }
  });
});

describe('a target of servers', () => {
  it('says which port was taken, in the words of the server that wanted it', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const started = startServerTarget({
      name: 'late',
      servers: async () => [{ role: 'proxy', ...ownProgram('fastify.ts', [String(port), origin]) }],
    });
    await expect(started).rejects.toThrow(
      new RegExp(`proxy ended by itself: .*EADDRINUSE.*127\\.0\\.0\\.1:${port}`),
    );
    other.close();
  });

  it('leaves no process behind once it is stopped', async () => {
    const target = await startNaive(origin);
    const pids = target.processes.map(({ pid }) => pid);
    expect(pids).toHaveLength(3);
    for (const pid of pids) expect(process.kill(pid, 0)).toBe(true);
    await target.stop();
    for (const pid of pids) expect(() => process.kill(pid, 0)).toThrow('ESRCH');
  });
});
