// The chaos campaign, and the measured loops beside it: npm run chaos -- [name] [--seed 1] …
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { runCampaign } from './campaign.js';
import { runCancelLoop } from './cancel-loop.js';
import { evidenceFor } from './evidence.js';
import type { LoopResult } from './loop.js';
import { runNoWorkerLoop } from './no-worker-loop.js';
import { runRedisBlackHole } from './redis-black-hole.js';
import { runRedisRestarts } from './redis-restarts.js';
import { runRedisSubscriptions } from './redis-subscriptions.js';
import { printReport } from './report.js';
import { runWorkerKillLoop } from './worker-kill-loop.js';

/** Where the figures of each run are written. */
const FOLDER = '.cache/chaos';
/** Under way while subscriptions are cut. */
const STREAMS = 50;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seed: { type: 'string', default: '1' },
    kills: { type: 'string', default: '1000' },
    stops: { type: 'string', default: '300' },
    restarts: { type: 'string', default: '5' },
    pauses: { type: 'string', default: '20' },
    cuts: { type: 'string', default: '100' },
    requests: { type: 'string', default: '20000' },
    minutes: { type: 'string', default: '45' },
    apis: { type: 'string', default: '3' },
    workers: { type: 'string', default: '6' },
    // Of a loop: how many times it does what it measures; of a black hole, how many seconds it lasts.
    times: { type: 'string' },
  },
});

const stop = new AbortController();
// The first Ctrl-C ends the load and still checks what was done; the second ends at once.
process.once('SIGINT', () => {
  print('stopping; what is under way is ended and checked');
  stop.abort();
  process.once('SIGINT', () => process.exit(130));
});

const seed = Number(values.seed);
const times = (usual: number) => Number(values.times ?? usual);

const runs: Readonly<Record<string, () => Promise<LoopResult>>> = {
  campaign: playCampaign,
  cancel: () => runCancelLoop(seed, times(1_000)),
  'no-worker': () => runNoWorkerLoop(seed, times(100)),
  'worker-kill': () => runWorkerKillLoop(seed, times(100), print),
  'redis-restarts': () => runRedisRestarts(seed, times(100)),
  subscriptions: () => runRedisSubscriptions(seed, times(1_000), STREAMS),
  'black-hole': () => runRedisBlackHole(times(60) * 1_000, 'held'),
  'black-hole-lost': () => runRedisBlackHole(times(60) * 1_000, 'lost'),
};

const name = positionals[0] ?? 'campaign';
const run = Object.hasOwn(runs, name) ? runs[name] : undefined;
if (run) await play(run);
else {
  print(`There is no "${name}". There is: ${Object.keys(runs).join(', ')}.`);
  process.exitCode = 2;
}

async function play(run: () => Promise<LoopResult>): Promise<void> {
  const startedAt = Date.now();
  const { figures, failures } = await run();
  const minutes = Number(((Date.now() - startedAt) / 60_000).toFixed(1));
  print(printReport(`${name}, seed ${seed}, ${minutes} minutes`, { figures, failures }));
  mkdirSync(FOLDER, { recursive: true });
  const file = path.join(FOLDER, `${name}-${seed}.json`);
  writeFileSync(file, JSON.stringify({ name, minutes, options: values, ...figures, failures }, null, 2));
  print(`written to ${file}`);
  process.exitCode = failures.length === 0 ? 0 : 1;
}

async function playCampaign(): Promise<LoopResult> {
  const { report, histories } = await runCampaign({
    seed,
    kills: Number(values.kills),
    stops: Number(values.stops),
    restarts: Number(values.restarts),
    pauses: Number(values.pauses),
    cuts: Number(values.cuts),
    requests: Number(values.requests),
    durationMs: Number(values.minutes) * 60_000,
    apis: Number(values.apis),
    workers: Number(values.workers),
    signal: stop.signal,
    log: print,
  });
  const { violations, slowest, ...figures } = report;
  mkdirSync(FOLDER, { recursive: true });
  const file = path.join(FOLDER, `evidence-${seed}.json`);
  writeFileSync(file, JSON.stringify(evidenceFor(histories, [...violations, ...slowest]), null, 2));
  print(`what is known of each violation, and of the slowest cases, is in ${file}`);
  return { figures, failures: violations.map(({ rule, about, text }) => `${rule} ${about}: ${text}`) };
}

function print(line: string): void {
  process.stdout.write(`${new Date().toISOString().slice(11, 19)} ${line}\n`);
}
