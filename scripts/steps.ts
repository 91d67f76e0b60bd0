import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';

/** One command of the checks or of the test run. It passes if it exits with 0. */
export interface Step {
  readonly name: string;
  readonly command: readonly [string, ...string[]];
  /** Where the command runs. Default: the top folder. */
  readonly cwd?: string;
  /** A Jest run counts its tests instead of itself; the file where it writes its results. */
  readonly jestResults?: string;
  /** `quiet`: its output is shown only if it fails. Default: shown as it comes. */
  readonly output?: 'quiet' | 'live';
}

export interface Tally {
  readonly passed: number;
  readonly failed: number;
}

/** Top folder of the project. */
export const root = path.resolve(import.meta.dirname, '..');

/** Runs the steps one after another, a failed one not stopping the rest, and adds up. */
export async function runSteps(
  steps: readonly Step[],
  deadlineAt: number,
  write: (text: string) => void = writeOut,
): Promise<Tally> {
  let total: Tally = { passed: 0, failed: 0 };
  for (const step of steps) {
    const started = Date.now();
    const tally = await runStep(step, deadlineAt, write);
    total = { passed: total.passed + tally.passed, failed: total.failed + tally.failed };
    const seconds = ((Date.now() - started) / 1000).toFixed(1);
    const counts = step.jestResults ? `: ${tally.passed} passed, ${tally.failed} failed` : '';
    write(`${tally.failed === 0 ? 'ok  ' : 'FAIL'} ${step.name}${counts} (${seconds} s)\n`);
  }
  return total;
}

/** Ends the program with the line that says how it went, and the status that fits. */
export function finish({ passed, failed }: Tally): void {
  writeOut(`${passed} passed, ${failed} failed\n`);
  process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
}

async function runStep(step: Step, deadlineAt: number, write: (text: string) => void): Promise<Tally> {
  if (step.jestResults) rmSync(path.resolve(root, step.jestResults), { force: true });
  const ok = await run(step, Math.max(1, deadlineAt - Date.now()), write);
  if (step.jestResults) return countJest(step.jestResults, ok);
  return ok ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 };
}

/**
 * Runs the command in a process group of its own, so that at the deadline all of it can be ended, and so that nothing
 * it left behind outlives it.
 */
async function run(step: Step, timeoutMs: number, write: (text: string) => void): Promise<boolean> {
  const live = step.output === 'live';
  const [command, ...args] = step.command;
  const child = spawn(command, args, {
    cwd: step.cwd ?? root,
    detached: true,
    stdio: live ? ['ignore', 'inherit', 'inherit'] : ['ignore', 'pipe', 'pipe'],
  });
  const output: Buffer[] = [];
  child.stdout?.on('data', (chunk: Buffer) => output.push(chunk));
  child.stderr?.on('data', (chunk: Buffer) => output.push(chunk));
  const end = (): void => endGroup(child.pid);
  const timer = setTimeout(() => {
    output.push(Buffer.from(`${step.name} was ended: the time for it is over.\n`));
    end();
  }, timeoutMs);
  const interrupted = (): void => {
    end();
    process.exit(130);
  };
  process.once('SIGINT', interrupted).once('SIGTERM', interrupted);
  const status = await new Promise<number | null>((resolve) => {
    child.once('error', (error) => {
      output.push(Buffer.from(`${error.message}\n`));
      resolve(null);
    });
    child.once('exit', resolve);
  });
  clearTimeout(timer);
  end();
  process.off('SIGINT', interrupted).off('SIGTERM', interrupted);
  if (status !== 0) write(Buffer.concat(output).toString());
  return status === 0;
}

function endGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // The whole group has ended already.
  }
}

interface JestResults {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  readonly numRuntimeErrorTestSuites: number;
}

/** A skipped test counts as failed, and so does a run without any test: neither has shown anything. */
async function countJest(file: string, exitedWell: boolean): Promise<Tally> {
  const text = await readFile(path.resolve(root, file), 'utf8').catch(() => undefined);
  if (text === undefined) return { passed: 0, failed: 1 };
  const results = JSON.parse(text) as JestResults;
  const passed = results.numPassedTests;
  const failed =
    results.numFailedTests +
    results.numPendingTests +
    results.numTodoTests +
    results.numRuntimeErrorTestSuites;
  const unexplained = failed === 0 && (!exitedWell || passed === 0);
  return { passed, failed: unexplained ? 1 : failed };
}

function writeOut(text: string): void {
  process.stdout.write(text);
}
