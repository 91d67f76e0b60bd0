import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { runSteps, type Step, type Tally } from '../scripts/steps.ts';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'spillway-steps-'));
});

afterAll(() => rm(folder, { recursive: true }));

async function run(steps: readonly Step[], timeoutMs = 30_000): Promise<Tally & { readonly output: string }> {
  let output = '';
  const tally = await runSteps(steps, Date.now() + timeoutMs, (text) => (output += text));
  return { ...tally, output };
}

function node(name: string, script: string): Step {
  return { name, command: [process.execPath, '-e', script] };
}

/** A suite whose run writes these results, over a run in which all was well. */
function suite(results: object | undefined, status = 0): Step {
  const file = path.join(folder, 'results.json');
  const all = {
    numPassedTests: 2,
    numFailedTests: 0,
    numPendingTests: 0,
    numTodoTests: 0,
    numRuntimeErrorTestSuites: 0,
  };
  const text = JSON.stringify(JSON.stringify({ ...all, ...results }));
  const write = results ? `require('fs').writeFileSync(${JSON.stringify(file)}, ${text});` : '';
  return { ...node('suite', `${write} process.exit(${status})`), jestResults: file };
}

describe('runSteps', () => {
  it('goes on after a failure, shows what failed and only that, and adds up', async () => {
    const steps = [
      node('first', `console.log('all is well')`),
      node('second', `console.error('this broke'); process.exit(3)`),
      node('third', ''),
      { name: 'fourth', command: ['/no/such/program'] } as const,
    ];
    const { passed, failed, output } = await run(steps);
    expect({ passed, failed }).toEqual({ passed: 2, failed: 2 });
    expect(output).toContain('this broke');
    expect(output).not.toContain('all is well');
    expect(output).toMatch(/^ok {3}first .*\n[^]*^FAIL second [^]*^ok {3}third [^]*ENOENT[^]*^FAIL fourth /m);
  });

  it('ends a step with all that it started when the time is over', async () => {
    const hang = { name: 'hangs', command: ['/bin/sh', '-c', 'sleep 300 & wait'] } as const;
    const { passed, failed, output } = await run([hang, node('next', 'setInterval(() => {}, 1000)')], 300);
    expect({ passed, failed }).toEqual({ passed: 0, failed: 2 });
    expect(output).toContain('hangs was ended: the time for it is over');
  });

  const cases: readonly (readonly [what: string, step: () => Step, expected: Tally])[] = [
    ['every test of a suite', () => suite({}), { passed: 2, failed: 0 }],
    ['its failed tests', () => suite({ numFailedTests: 3 }, 1), { passed: 2, failed: 3 }],
    [
      'a skipped test as failed',
      () => suite({ numPendingTests: 1, numTodoTests: 1 }),
      { passed: 2, failed: 2 },
    ],
    [
      'a file that could not be loaded as failed',
      () => suite({ numRuntimeErrorTestSuites: 1 }, 1),
      { passed: 2, failed: 1 },
    ],
    ['a suite without tests as failed', () => suite({ numPassedTests: 0 }), { passed: 0, failed: 1 }],
    ['a bad end for which no test is to blame', () => suite({}, 1), { passed: 2, failed: 1 }],
    ['a suite that left no results as failed', () => suite(undefined), { passed: 0, failed: 1 }],
  ];

  it.each(cases)('counts %s', async (_what, step, expected) => {
    await run([suite({ numPassedTests: 99 })]); // results of an earlier run must not be taken for this one's
    const { passed, failed } = await run([step()]);
    expect({ passed, failed }).toEqual(expected);
  });
});
