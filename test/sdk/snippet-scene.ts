import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { preparePython } from '../support/python.js';
import { TestBroker } from '../support/start-broker.js';
import { startUpstream } from '../support/upstream.js';
import type { Upstream } from '../support/upstream.js';

/** Where the documents' programs call; the key they send stays as printed, as this broker asks for none. */
const PRINTED_URLS = ['http://localhost:3000/v1', 'https://api.fireworks.ai/inference/v1'];

/** No snippet takes longer, ms. */
const LIMIT_MS = 20_000;

export interface SnippetRun {
  /** Files of test/sdk/snippets: a fragment stands behind the one that makes its client. */
  readonly files: readonly string[];
  /** Lines put behind them, where a snippet prints nothing. */
  readonly after?: string;
  /** A shell snippet that is run first, in the shell that starts the program. */
  readonly under?: string;
  /** Beside PATH and HOME there is nothing else. */
  readonly env?: Readonly<Record<string, string>>;
}

export interface Printed {
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number;
}

/** A broker without applications, as the documents' gateway is, and a project folder for the programs. */
export interface SnippetScene {
  readonly upstream: Upstream;
  /** Ends in `/v1`. */
  readonly baseUrl: string;
  /** What the documents' first example takes from the environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Runs the program in a process of its own, unchanged but for the base URL. */
  run(snippet: SnippetRun): Promise<Printed>;
  stop(): Promise<void>;
}

export async function startSnippets(): Promise<SnippetScene> {
  const [bin, upstream] = await Promise.all([preparePython(), startUpstream()]);
  const broker = await TestBroker.start({ config: configFor(upstream) });
  const project = await mkdtemp(path.join(tmpdir(), 'spillway-snippets-'));
  await mkdir(path.join(project, 'node_modules'));
  await symlink(path.resolve('node_modules/openai'), path.join(project, 'node_modules/openai'));
  const baseUrl = `${broker.url}/v1`;
  const PATH = [bin, path.dirname(process.execPath), process.env['PATH'] ?? ''].join(path.delimiter);
  return {
    upstream,
    baseUrl,
    env: { FALLBAKIT_API_KEY: 'anything', FALLBAKIT_OPENAI_BASE_URL: baseUrl },
    run: async (snippet) => {
      const [command, ...args] = await writeProgram(project, baseUrl, snippet);
      return execute(command, args, project, { PATH, PYTHONUTF8: '1', ...snippet.env });
    },
    stop: async () => {
      await broker.stop();
      await Promise.all([upstream.close(), rm(project, { recursive: true, force: true })]);
    },
  };
}

function configFor({ baseUrl }: Upstream): object {
  const at = (location: string, name: string) => ({
    kind: 'openai-compatible',
    location,
    baseUrl: baseUrl.replace('/v1', `/${name}/v1`),
  });
  return {
    providers: { box: at('local', 'box'), openai: at('cloud', 'openai'), other: at('cloud', 'other') },
    models: {
      'llama3.2': { targets: [{ provider: 'box' }, { provider: 'other', model: 'large' }] },
      'gpt-4o-mini': { targets: [{ provider: 'openai' }] },
      'text-embedding-3-small': { targets: [{ provider: 'openai' }] },
      'accounts/fireworks/models/llama-v3p1-8b-instruct': { targets: [{ provider: 'other' }] },
      'accounts/fireworks/models/starcoder-16b-w8a16': { targets: [{ provider: 'other' }] },
    },
  };
}

/** Writes the program into the project, and answers with the command that runs it. */
async function writeProgram(
  project: string,
  baseUrl: string,
  { files, after = '', under }: SnippetRun,
): Promise<readonly [string, ...string[]]> {
  const read = async (file: string) => {
    let text = await readFile(path.resolve('test/sdk/snippets', file), 'utf8');
    for (const printed of PRINTED_URLS) text = text.replaceAll(printed, baseUrl);
    return text;
  };
  const name = `program${path.extname(files[0] ?? '')}`;
  const parts = await Promise.all(files.map(read));
  await writeFile(path.join(project, name), [...parts, after].join('\n'));
  const command = { '.mjs': 'node', '.py': 'python', '.sh': '/bin/sh' }[path.extname(name)];
  if (command === undefined) throw new Error(`How is ${name} run?`);
  if (under === undefined) return [command, name];
  await writeFile(path.join(project, 'under.sh'), `${await read(under)}\nexec ${command} ${name}\n`);
  return ['/bin/sh', 'under.sh'];
}

function execute(
  command: string,
  args: readonly string[],
  cwd: string,
  env: Readonly<Record<string, string>>,
): Promise<Printed> {
  return new Promise((resolve, reject) => {
    const options = { cwd, env: { HOME: cwd, ...env }, timeout: LIMIT_MS, killSignal: 'SIGKILL' as const };
    // A name without a folder is looked up on the PATH given here.
    execFile(command, args, options, (error, stdout, stderr) => {
      const code = error === null ? 0 : error.code;
      if (typeof code === 'number') resolve({ stdout, stderr, code });
      else reject(new Error(`${command} ${args.join(' ')} did not end by itself:\n${stdout}\n${stderr}`));
    });
  });
}
