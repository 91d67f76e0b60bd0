import { describe, expect, it } from '@jest/globals';
import path from 'node:path';
import { Child } from '../support/child.js';
import { eventually, fetchAnswer } from '../support/client.js';
import { withScene, type Scene } from '../support/fault-scene.js';
import { markedAnswer, markedTokens, promptOf } from '../support/marked-answer.js';
import { callOf, SteadyLoad } from '../support/steady-load.js';
import { hang } from '../support/upstream-behaviours.js';
import type { UpstreamCall } from '../support/upstream-call.js';

/** Starts of one attempt; the fourth is refused. */
const STARTS = 3;
/** A lease of 5 s has to run out for each start, and the sweeper to look. */
const LAPSE_MS = 15_000;
const TEST_MS = 120_000;
const TOKENS = 5;

/** The calls of one question so far, once there are so many. */
function callsOf({ upstream }: Scene, marker: string, count: number): Promise<readonly UpstreamCall[]> {
  const isOurs = ({ body }: UpstreamCall) => body.includes(promptOf(marker));
  return eventually(
    () => {
      const calls = upstream.calls.filter(isOurs);
      return calls.length >= count ? calls : undefined;
    },
    `call ${count} of ${marker}`,
    LAPSE_MS,
  );
}

function requestOf(call: UpstreamCall | undefined): string {
  return String(call?.headers['x-request-id']).replace(/-\d+$/, '');
}

/** Ends the workers that run these questions with SIGKILL, and starts as many new ones. */
async function killWorkersOf(scene: Scene, markers: readonly string[], start: number): Promise<void> {
  const { broker, redis, keys } = scene;
  const victims = new Set<Child>();
  for (const marker of markers) {
    const [call] = (await callsOf(scene, marker, start)).slice(-1);
    const name = await redis.hget(keys.record(requestOf(call)), 'worker');
    const pid = Number(/-(\d+)-[0-9a-f]+$/.exec(name ?? '')?.[1]);
    const worker = broker.workers.find((each) => each.pid === pid);
    if (!worker) throw new Error(`no worker of ours runs ${marker}: ${name}`);
    victims.add(worker);
  }
  await Promise.all([...victims].map((each) => each.end('SIGKILL')));
  await Promise.all([...victims].map(() => broker.startWorker()));
}

/** `./spillway dead-letters …` on the Redis of the scene: what it printed, and its exit status. */
async function deadLetters({ broker }: Scene, ...args: readonly string[]) {
  const main = path.resolve('dist/apps/cli/src/main.js');
  const child = Child.start('dead-letters', process.execPath, [main, 'dead-letters', ...args], {
    // The folder may have a file of its own, which is not meant.
    env: { REDIS_URL: broker.redis.url, SPILLWAY_CONFIG: broker.configPath },
  });
  return { status: await child.exited, output: child.output };
}

describe('a request that ends each worker that starts it', () => {
  it(
    'is given up after three, and disturbs no other; it can be tried again if its body was kept',
    () =>
      withScene({ workers: 3 }, async (scene) => {
        const { broker, upstream, script, ask } = scene;
        upstream.otherwise(markedAnswer(TOKENS));
        script('kept', ...Array.from({ length: STARTS }, () => hang()), markedAnswer(TOKENS));
        script('plain', hang());
        const headers = { 'x-spillway-on-disconnect': 'continue' };
        const kept = ask('kept', { stream: false, headers });
        const plain = ask('plain', { stream: false });
        const load = { clients: 2, urls: () => [broker.url], isStream: () => false };
        const others = await SteadyLoad.during(load, async (running) => {
          for (let start = 1; start <= STARTS; start++) await killWorkersOf(scene, ['kept', 'plain'], start);
          for (const { status, error } of await Promise.all([kept.answered, plain.answered]))
            expect({ status, code: error?.code }).toEqual({ status: 500, code: 'internal_error' });
          await running.waitForMore(5);
        });
        for (const each of others.asked) callOf(each, TOKENS);

        const [calls, [plainCall]] = [
          await callsOf(scene, 'kept', STARTS),
          await callsOf(scene, 'plain', STARTS),
        ];
        expect(calls).toHaveLength(STARTS);
        const [keptId, plainId] = [requestOf(calls[0]), requestOf(plainCall)];
        const listed = await deadLetters(scene, 'list');
        expect(listed.status).toBe(0);
        expect(listed.output).toMatch(new RegExp(`^${keptId} .* m +gpu +3 +yes$`, 'm'));
        expect(listed.output).toMatch(new RegExp(`^${plainId} .* m +gpu +3 +not kept$`, 'm'));

        const refused = await deadLetters(scene, 'retry', plainId);
        expect(refused.status).toBe(1);
        expect(refused.output).toMatch(/^spillway: req_\S+ cannot be tried again: it was a plain request/);
        const retried = await deadLetters(scene, 'retry', keptId);
        expect(retried.status).toBe(0);
        const [, id = ''] = /^(req_\S+)$/m.exec(retried.output) ?? [];
        const again = (await callsOf(scene, 'kept', STARTS + 1)).at(-1);
        expect(requestOf(again)).toBe(id);
        expect(again?.body.equals(calls[0]?.body ?? Buffer.alloc(0))).toBe(true);
        const state = await eventually(async () => {
          const { status, text } = await fetchAnswer(`${broker.url}/v1/requests/${id}`);
          const read = JSON.parse(text) as { status: string; response?: unknown };
          return status === 200 && read.status === 'completed' ? read : undefined;
        }, 'the answer of the request that was tried again');
        const tokens = markedTokens('kept', again?.number ?? 0, TOKENS).join(' ');
        expect(JSON.stringify(state.response)).toContain(tokens);
        const after = await deadLetters(scene, 'list');
        expect(after.output).not.toContain(keptId);
        expect(after.output).toContain(plainId);
      }),
    TEST_MS,
  );
});
