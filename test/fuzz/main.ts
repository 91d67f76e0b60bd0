// Mutated requests by the million, and slow sockets by the thousand: npm run fuzz -- [slow] [--cases N] [--seed N] …
import { parseArgs } from 'node:util';
import { runFuzz } from './run-fuzz.js';
import { startFuzzScene } from './scene.js';
import { runSlow } from './slow/run-slow.js';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    cases: { type: 'string', default: '1000000' },
    seed: { type: 'string', default: '1' },
    // The number of a conversation that failed: it is drawn again first.
    from: { type: 'string', default: '0' },
    // Connections at once.
    width: { type: 'string', default: '100' },
    // Of `slow`. Each reader fills up to 4 MB of the kernel's memory for TCP, which has a limit (docs/operations.md).
    sockets: { type: 'string', default: '5000' },
    readers: { type: 'string', default: '300' },
  },
});

const [name = 'requests'] = positionals;
if (name === 'requests') await fuzz();
else if (name === 'slow') await slow();
else {
  print(`There is no "${name}". There is: requests, slow.`);
  process.exitCode = 2;
}

async function fuzz(): Promise<void> {
  const scene = await startFuzzScene();
  try {
    const { failures, ...report } = await runFuzz(scene, {
      cases: Number(values.cases),
      seed: Number(values.seed),
      from: Number(values.from),
      width: Number(values.width),
      print,
    });
    print(JSON.stringify(report, null, 2));
    for (const failure of failures) print(failure);
    process.exitCode = report.failed === 0 ? 0 : 1;
  } finally {
    await scene.stop();
  }
}

/** With the timeouts that a server has by default: takes about two minutes. */
async function slow(): Promise<void> {
  const scene = await startFuzzScene({
    headersTimeoutMs: 10_000,
    requestTimeoutMs: 30_000,
    stallTimeoutMs: 60_000,
  });
  try {
    const report = await runSlow(scene, {
      sockets: Number(values.sockets),
      readers: Math.min(Number(values.readers), Math.round(Number(values.sockets) / 3)),
      settle: true,
      dripMs: 1_000,
      measureMs: 8_000,
      print,
    });
    const { alone, beside, memoryMiB } = report;
    const ratio = (name: 'p50' | 'p99') => Number((beside[name] / alone[name]).toFixed(2));
    print(JSON.stringify({ ...report, ratios: { p50: ratio('p50'), p99: ratio('p99') } }, null, 2));
    const isGood = beside.wrong === 0 && report.left === 0 && memoryMiB.most - memoryMiB.before <= 200;
    process.exitCode = isGood && ratio('p50') <= 1.5 && ratio('p99') <= 3 ? 0 : 1;
  } finally {
    await scene.stop();
  }
}

function print(line: string): void {
  process.stdout.write(`${new Date().toISOString().slice(11, 19)} ${line}\n`);
}
