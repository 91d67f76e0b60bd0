import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parse } from 'yaml';
import { findFreePort } from '../../apps/cli/src/free-port.js';
import { Checkout } from '../support/checkout.js';
import { Child } from '../support/child.js';
import { preparePython, PYTHON_SETUP_MS } from '../support/python.js';
import { blocksOf, shownCommands, wasPrinted, type ShownCommand } from '../support/readme.js';
import { startRedis, type TestRedis } from '../support/redis.js';

jest.setTimeout(60_000);

const PRINTED_PORT = '4100';

let checkout: Checkout;
let redis: TestRedis;
let up: Child;
let port: string;
let env: Record<string, string>;

beforeAll(async () => {
  [checkout, redis] = await Promise.all([Checkout.make(), startRedis()]);
  port = String(await findFreePort());
  env = { PORT: port, REDIS_URL: redis.url };
  up = checkout.spillway(['up'], { env });
  await up.prints(/ready at [^]*curl -N [^]*\n\n/, 40_000);
});

afterAll(async () => {
  await checkout?.reset();
  await checkout?.remove();
  await redis?.stop();
});

const blocks = blocksOf('README.md');
const textOf = (language: string) =>
  blocks.filter((block) => block.language === language).map(({ text }) => text);
const commands = textOf('console').flatMap(shownCommands);

function shown(start: string): ShownCommand {
  const found = commands.find(({ command }) => command.startsWith(start));
  if (!found) throw new Error(`README.md shows no command that starts with ${start}`);
  return found;
}

function missingLines({ output }: ShownCommand, printed: string): string[] {
  return output.filter((line) => !wasPrinted(line, printed));
}

/** Runs a line of the README in the copy of the project, against the broker of this file. */
async function shell(command: string): Promise<string> {
  const line = command.replaceAll(PRINTED_PORT, port).replace('curl ', 'curl --max-time 20 ');
  const PATH = [path.join(checkout.root, 'bin'), process.env['PATH'] ?? ''].join(path.delimiter);
  const child = Child.start(command, '/bin/sh', ['-c', line], { cwd: checkout.root, env: { PATH, ...env } });
  expect(await child.exited).toBe(0);
  return child.output;
}

describe('README.md', () => {
  it('has no block that nothing here runs', () => {
    const known = ['', 'console', 'sh', 'console', 'console', 'yaml', 'ts', 'python'];
    expect(blocks.map(({ language }) => language)).toEqual(known);
    expect(commands.map(({ command }) => command.split(' ').slice(0, 2).join(' '))).toEqual([
      './spillway up',
      'curl -si',
      './spillway chat',
      './spillway status',
    ]);
  });

  it('shows what ./spillway up prints', () => {
    expect(missingLines(shown('./spillway up'), up.output)).toEqual([]);
  });

  it('shows a curl that streams', async () => {
    const { output } = shown('./spillway up');
    const start = output.findIndex((line) => line.startsWith('curl'));
    expect(await shell(output.slice(start).join('\n'))).toMatch(/^data: \{[^]*\ndata: \[DONE\]\n\n$/m);
  });

  it.each(['curl -si', './spillway chat', './spillway status'])('shows what %s prints', async (start) => {
    const command = shown(start);
    expect(missingLines(command, await shell(command.command))).toEqual([]);
  });

  it('has a configuration without a mistake', async () => {
    const [yaml = ''] = textOf('yaml');
    expect(Object.keys(parse(yaml) as object)).toEqual(['providers', 'models', 'applications']);
    await writeFile(path.join(checkout.root, 'spillway.yaml'), yaml);
    const { status, output } = await checkout.run(['check'], { env: { OPENAI_API_KEY: 'k', WEB_KEY: 'w' } });
    await rm(path.join(checkout.root, 'spillway.yaml'));
    expect({ status, output }).toEqual({ status: 0, output: expect.stringContaining('no problems') });
  });

  it('has a Node program that runs as it stands, but for the port', async () => {
    const project = path.join(checkout.folder, 'node-project');
    await mkdir(path.join(project, 'node_modules'), { recursive: true });
    await symlink(path.resolve('node_modules/openai'), path.join(project, 'node_modules/openai'));
    const [program = ''] = textOf('ts');
    await writeFile(path.join(project, 'program.ts'), program.replace(PRINTED_PORT, port));
    const child = Child.start('program.ts', process.execPath, ['--no-warnings', 'program.ts'], {
      cwd: project,
    });
    expect({ status: await child.exited, output: child.output }).toEqual({
      status: 0,
      output: expect.stringMatching(/hello/i),
    });
  });

  it(
    'has a Python program that runs as it stands, but for the port',
    async () => {
      const bin = await preparePython();
      const [program = ''] = textOf('python');
      const child = Child.start('program.py', path.join(bin, 'python'), [
        '-c',
        program.replace(PRINTED_PORT, port),
      ]);
      expect({ status: await child.exited, output: child.output }).toEqual({
        status: 0,
        output: expect.stringMatching(/hello/i),
      });
    },
    PYTHON_SETUP_MS,
  );

  it('names a test command that is what CI runs, and a Docker command that the container tests run', async () => {
    const readme = await readFile('README.md', 'utf8');
    expect(readme).toContain('`./spillway test`');
    expect(await readFile('.ci/run', 'utf8')).toMatch(/^.*\.\/spillway test/m);
    expect(textOf('sh')).toEqual(['docker compose up -d --wait\n']);
    expect(await readFile('test/support/compose-stack.ts', 'utf8')).toContain("compose('up', '-d', '--wait'");
  });
});
