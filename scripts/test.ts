// Everything CI runs: `./spillway test`. Closes with `N passed, N failed`.
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { checkSteps } from './check-steps.ts';
import { finish, root, runSteps } from './steps.ts';
import type { Step } from './steps.ts';

/** CI gives up after 30 minutes; ending earlier leaves time to say what took so long. */
const LIMIT_MS = 24 * 60_000;

const results = '.cache/test-results';
mkdirSync(path.join(root, results), { recursive: true });

function suite(project: string, ...options: string[]): Step {
  const jestResults = `${results}/${project}.json`;
  return {
    name: `${project} tests`,
    command: [
      'npm',
      'run',
      '--silent',
      `test:${project}`,
      '--',
      '--json',
      `--outputFile=${jestResults}`,
      ...options,
    ],
    jestResults,
    output: 'live',
  };
}

/** Containers need an engine, and no test of ours brings one up. */
const hasDocker = docker(15_000, 'info');
/** An image of another project, from a registry that not every place can reach. */
const LLAMA_IMAGE = 'ghcr.io/ggml-org/llama.cpp:server';
const hasLlama =
  hasDocker && (docker(15_000, 'image', 'inspect', LLAMA_IMAGE) || docker(60_000, 'pull', LLAMA_IMAGE));

function docker(timeout: number, ...args: string[]): boolean {
  return spawnSync('docker', args, { stdio: 'ignore', timeout }).status === 0;
}

const tally = await runSteps(
  [
    ...checkSteps,
    {
      name: 'a Redis server for the tests',
      command: [process.execPath, 'dist/apps/cli/src/main.js', 'redis'],
      output: 'live',
    },
    suite('unit'),
    suite('int'),
    suite('e2e'),
    ...(hasDocker ? [suite('docker', ...(hasLlama ? [] : ['--testPathIgnorePatterns=llama-cpp']))] : []),
  ],
  Date.now() + LIMIT_MS,
);
if (!hasDocker) process.stdout.write('Containers were not tested: no Docker engine answers `docker info`.\n');
else if (!hasLlama) process.stdout.write(`llama.cpp was not tested: ${LLAMA_IMAGE} cannot be pulled.\n`);
finish(tally);
