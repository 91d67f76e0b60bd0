import { spawn } from 'node:child_process';
import type { ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { preparePython } from './python.js';

/** What a program said with `say(name=value)`, or with `say_error(error)`. */
export type Said = Readonly<Record<string, unknown>>;

type Line = { readonly said: Said } | { readonly ended: string | null };

const WAIT_MS = 15_000;

/**
 * A Python process with the SDK that runs the test's programs one after another: starting Python and importing the SDK
 * takes a second each time. It ends with the test process, which holds the other end of its stdin.
 */
export class PythonSession {
  private said: Said[] = [];
  private endOf: string | null | undefined;
  private stderr = '';
  private readonly watchers = new Set<() => void>();

  private constructor(private readonly process: ChildProcessByStdio<Writable, Readable, Readable>) {
    createInterface(process.stdout).on('line', (text) => {
      const line = JSON.parse(text) as Line;
      if ('said' in line) this.said.push(line.said);
      else this.endOf = line.ended;
      this.changed();
    });
    process.stderr.setEncoding('utf8').on('data', (text: string) => (this.stderr += text));
    process.once('close', () => this.changed());
    // A write to one that was killed; the wait says so.
    process.stdin.on('error', () => undefined);
  }

  /** `baseUrl` and `apiKey` come to `openai.OpenAI()` by its environment variables. */
  static async start(options: { readonly baseUrl: string; readonly apiKey: string }): Promise<PythonSession> {
    const python = path.join(await preparePython(), 'python');
    const env = {
      OPENAI_BASE_URL: options.baseUrl,
      OPENAI_API_KEY: options.apiKey,
      PYTHONUTF8: '1',
      PYTHONDONTWRITEBYTECODE: '1',
    };
    const script = path.resolve('test/support/python-session.py');
    return new PythonSession(spawn(python, ['-u', script], { env, stdio: ['pipe', 'pipe', 'pipe'] }));
  }

  /** Runs a program to its end, and answers with what it said. Rejects with its traceback. */
  async run(program: string): Promise<readonly Said[]> {
    this.begin(program);
    return this.end();
  }

  /** Starts a program; `hear` and `end` tell how it goes on. */
  begin(program: string): void {
    this.said = [];
    this.endOf = undefined;
    this.process.stdin.write(`${JSON.stringify(program)}\n`);
  }

  /** A line on stdin for the running program, which must read it. */
  tell(line: string): void {
    this.process.stdin.write(`${line}\n`);
  }

  /** The n-th thing that the program says, from 1. */
  async hear(number: number): Promise<Said> {
    return this.waitFor(() => this.said[number - 1], `say ${number} things`);
  }

  /** The end of the program. */
  async end(): Promise<readonly Said[]> {
    const error = await this.waitFor(() => this.endOf, 'end');
    if (error !== null) throw new Error(`The program failed:\n${error}`);
    return this.said;
  }

  async stop(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    if (this.isOver) return;
    const closed = once(this.process, 'close');
    this.process.kill(signal);
    await closed;
  }

  private get isOver(): boolean {
    return this.process.exitCode !== null || this.process.signalCode !== null;
  }

  private changed(): void {
    for (const watcher of this.watchers) watcher();
  }

  private async waitFor<Value>(look: () => Value | undefined, what: string): Promise<Value> {
    const { promise, resolve, reject } = Promise.withResolvers<Value>();
    const fail = (why: string) => {
      const heard = [...this.said.map((said) => JSON.stringify(said)), this.endOf, this.stderr].join('\n');
      reject(new Error(`The program ${why} before it did: ${what}. So far:\n${heard}`));
    };
    const watcher = () => {
      const value = look();
      if (value !== undefined) resolve(value);
      else if (this.endOf !== undefined) fail('ended');
      else if (this.isOver) fail('was killed');
    };
    const timer = setTimeout(() => fail(`took ${WAIT_MS} ms`), WAIT_MS);
    this.watchers.add(watcher);
    watcher();
    return promise.finally(() => {
      clearTimeout(timer);
      this.watchers.delete(watcher);
    });
  }
}
