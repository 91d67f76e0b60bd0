// How fast Spillway is, beside others: ./spillway bench [quick|full|gate|NAME…] [--seed 1] …; docs/performance.md.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { Random } from '../test/support/random.js';
import { judgeGate, readBaseline, toBaseline } from './gate.js';
import { drawChart } from './report/chart.js';
import type { ScenarioResult } from './report/figures.js';
import { printResults } from './report/print.js';
import type { RunOptions } from './rounds.js';
import { Scene } from './scene.js';
import { planRun, type Plan } from './works.js';

/** Where each run is written. */
const FOLDER = '.cache/bench';
/** What `gate` compares with; of the machine that recorded it, but ratios travel well. */
const BASELINE = 'bench/baseline.json';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seed: { type: 'string', default: String(Date.now() % 100_000) },
    rounds: { type: 'string' },
    // How long a window is, ms.
    window: { type: 'string' },
    // Targets to leave out, divided by commas.
    without: { type: 'string', default: '' },
    // Counts windows in which others used this machine, too: only to try things out.
    'keep-disturbed': { type: 'boolean', default: false },
    // With `gate`: what is measured becomes the baseline.
    record: { type: 'boolean', default: false },
  },
});

try {
  process.exitCode = await play(planRun(positionals, values.without.split(',')));
} catch (error) {
  print(error instanceof RangeError ? error.message : String(error instanceof Error ? error.stack : error));
  process.exitCode = 2;
}

/** Exit status: 1 if anything that came back was wrong, a part broke off, or the gate is not passed. */
async function play(plan: Plan): Promise<number> {
  const startedAt = Date.now();
  const options: RunOptions = {
    windowMs: Number(values.window ?? plan.windowMs),
    rounds: Number(values.rounds ?? plan.rounds),
    keepDisturbed: values['keep-disturbed'],
    spare: { ms: plan.spareMs },
    random: drawFrom(new Random(Number(values.seed))),
    log: print,
  };
  print(`${plan.name}, seed ${values.seed}: ${options.rounds} rounds, windows of ${options.windowMs} ms`);
  const results: ScenarioResult[] = [];
  const broken: string[] = [];
  const scene = await Scene.start(print);
  try {
    for (const work of plan.works) {
      // Minutes of measuring must not be lost with one part of them.
      const found = await work.run(scene, options).catch((error: Error) => {
        broken.push(work.name);
        print(`${work.name} broke off: ${error.stack ?? error.message}`);
        return [];
      });
      results.push(...found);
    }
  } finally {
    await scene.stop();
  }
  const missing = Object.fromEntries(scene.missing);
  const seconds = Math.round((Date.now() - startedAt) / 1_000);
  await write(results, { name: plan.name, seed: values.seed, seconds, missing, broken });
  const isRight = results.every(({ wrong }) => wrong.length === 0);
  if (!isRight) print('Answers were wrong: see above.');
  return isRight && broken.length === 0 && (plan.name !== 'gate' || (await passGate(results))) ? 0 : 1;
}

function drawFrom(random: Random): () => number {
  return () => random.next();
}

async function write(results: readonly ScenarioResult[], run: object): Promise<void> {
  const text = printResults(results);
  print(`\n${text}`);
  await mkdir(FOLDER, { recursive: true });
  const base = path.join(FOLDER, new Date().toISOString().slice(0, 19).replaceAll(':', '-'));
  await Promise.all([
    writeFile(`${base}.txt`, text),
    writeFile(`${base}.svg`, drawChart(results)),
    writeFile(`${base}.json`, JSON.stringify({ ...run, results }, null, 2)),
  ]);
  print(`${JSON.stringify(run)}\nwritten to ${base}.txt, .svg and .json`);
}

async function passGate(results: readonly ScenarioResult[]): Promise<boolean> {
  if (values.record) {
    await writeFile(BASELINE, `${JSON.stringify(toBaseline(results, ['fastify', 'naive']), null, 2)}\n`);
    print(`${BASELINE} is written`);
    return true;
  }
  const text = await readFile(BASELINE, 'utf8').catch(() => undefined);
  if (text === undefined) {
    print(`There is no ${BASELINE} to compare with: npm run bench:gate -- --record`);
    return false;
  }
  const { isPassed, lines } = judgeGate(results, readBaseline(text));
  print(lines.join('\n'));
  print(isPassed ? 'The gate is passed.' : 'The gate is NOT passed: more CPU per request than recorded.');
  return isPassed;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
