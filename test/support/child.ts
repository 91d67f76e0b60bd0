import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { guardProcess } from '../../apps/cli/src/guard.js';

const WAIT_MS = 15_000;

export interface ChildOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** A process of the test's own: what it prints, and how it ends. It never outlives the test process. */
export class Child {
  /** Everything it printed so far, both streams as they came. */
  output = '';
  readonly exited: Promise<number | null>;
  private readonly watchers = new Set<() => void>();

  private constructor(
    private readonly process: ChildProcess,
    private readonly name: string,
  ) {
    const note = (text: string) => {
      this.output += text;
      for (const watcher of this.watchers) watcher();
    };
    process.stdout?.setEncoding('utf8').on('data', note);
    process.stderr?.setEncoding('utf8').on('data', note);
    const guard = process.pid === undefined ? undefined : guardProcess(process.pid, 'KILL');
    this.exited = once(process, 'close').then(() => {
      guard?.release();
      note('');
      return process.exitCode;
    });
  }

  static start(name: string, command: string, args: readonly string[], options: ChildOptions = {}): Child {
    const { PATH = '', HOME = '' } = process.env;
    const env = { PATH, HOME, ...options.env };
    return new Child(
      spawn(command, args, { env, cwd: options.cwd, stdio: ['ignore', 'pipe', 'pipe'] }),
      name,
    );
  }

  get pid(): number {
    return this.process.pid ?? 0;
  }

  get isRunning(): boolean {
    return this.process.exitCode === null && this.process.signalCode === null;
  }

  /** SIGSTOP freezes it, SIGCONT wakes it, SIGKILL ends it at once. */
  signal(signal: NodeJS.Signals): void {
    this.process.kill(signal);
  }

  /** Signals it, and resolves with its exit code once it has ended. */
  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    if (this.isRunning) this.signal(signal);
    return this.exited;
  }

  /** Resolves once it has printed this; rejects with all it printed if it ends or stays silent. */
  async prints(text: string | RegExp, timeoutMs = WAIT_MS): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const look = () => {
      if (typeof text === 'string' ? this.output.includes(text) : text.test(this.output)) resolve();
      else if (!this.isRunning)
        reject(new Error(`${this.name} ended before it printed ${text}:\n${this.output}`));
    };
    const timer = setTimeout(
      () => reject(new Error(`${this.name} did not print ${text} within ${timeoutMs} ms:\n${this.output}`)),
      timeoutMs,
    );
    this.watchers.add(look);
    look();
    await promise.finally(() => {
      clearTimeout(timer);
      this.watchers.delete(look);
    });
  }
}
