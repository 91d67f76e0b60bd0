// The chaos campaign: npm run chaos -- --seed 1 --kills 1000 --stops 300 --requests 20000 --minutes 45
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { runCampaign } from './campaign.js';
import { evidenceFor } from './evidence.js';
import { printReport } from './report.js';

const FOLDER = '.cache/chaos';

const { values } = parseArgs({
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
  },
});

const stop = new AbortController();
// The first Ctrl-C ends the load and still checks what was done; the second ends at once.
process.once('SIGINT', () => {
  print('stopping; what is under way is ended and checked');
  stop.abort();
  process.once('SIGINT', () => process.exit(130));
});

const number = (name: Exclude<keyof typeof values, 'minutes'>) => Number(values[name]);
const startedAt = Date.now();
const { report, histories } = await runCampaign({
  seed: number('seed'),
  kills: number('kills'),
  stops: number('stops'),
  restarts: number('restarts'),
  pauses: number('pauses'),
  cuts: number('cuts'),
  requests: number('requests'),
  durationMs: Number(values.minutes) * 60_000,
  apis: number('apis'),
  workers: number('workers'),
  signal: stop.signal,
  log: print,
});
const minutes = ((Date.now() - startedAt) / 60_000).toFixed(1);
print(printReport(report, `seed ${values.seed}, ${minutes} minutes`));
mkdirSync(FOLDER, { recursive: true });
const file = path.join(FOLDER, `seed-${values.seed}.json`);
const { violations, ...figures } = report;
const evidence = evidenceFor(histories, violations);
writeFileSync(
  file,
  JSON.stringify({ options: values, minutes: Number(minutes), ...figures, violations, evidence }, null, 2),
);
print(`written to ${file}`);
process.exitCode = report.violations.length === 0 ? 0 : 1;

function print(line: string): void {
  process.stdout.write(`${new Date().toISOString().slice(11, 19)} ${line}\n`);
}
