import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { countDeath, restartDelayMs } from './back-off.js';
import { guardProcess } from './guard.js';

export interface SupervisedOptions {
  /** For messages: `api`, `worker`. */
  readonly name: string;
  /** A JavaScript file, run by the Node that runs us. */
  readonly program: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly say: (line: string) => void;
  /** Called at each end that nobody asked for. `deaths`: in a row, this one included. */
  readonly onDeath?: (deaths: number) => void;
}

/** A process that is started again when it ends by itself, with back-off, until it is told to stop. */
export class SupervisedProcess {
  private child: ChildProcess | undefined;
  private ended: Promise<void> = Promise.resolve();
  private deaths = 0;
  private stopping = false;
  private restart: NodeJS.Timeout | undefined;

  constructor(private readonly options: SupervisedOptions) {}

  start(): void {
    const { name, program, env } = this.options;
    const startedAt = Date.now();
    // In a group of its own: a Ctrl-C in the terminal reaches us alone, and we stop things in order.
    const child = spawn(process.execPath, ['--enable-source-maps', program], {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'inherit', 'inherit'],
      detached: true,
    });
    this.child = child;
    const guard = child.pid === undefined ? undefined : guardProcess(child.pid, 'TERM');
    this.ended = new Promise((resolve) => {
      const end = (how: string): void => {
        guard?.release();
        resolve();
        if (!this.stopping) this.startLater(`${name} ended ${how}`, Date.now() - startedAt);
      };
      child.once('error', (error) => end(`before it started: ${error.message}`));
      child.once('exit', (code, signal) => end(signal ? `by ${signal}` : `with status ${code}`));
    });
  }

  /** Of the process that runs now or was the last; undefined before the first. */
  get pid(): number | undefined {
    return this.child?.pid;
  }

  /** SIGTERM, and after `killAfterMs` SIGKILL. Resolves when it is gone. */
  async stop(killAfterMs: number): Promise<void> {
    this.stopping = true;
    clearTimeout(this.restart);
    this.child?.kill('SIGTERM');
    const timer = setTimeout(() => this.kill(), killAfterMs);
    await this.ended;
    clearTimeout(timer);
  }

  /** Ends it at once; for a second Ctrl-C. */
  kill(): void {
    this.child?.kill('SIGKILL');
  }

  private startLater(what: string, livedMs: number): void {
    this.deaths = countDeath(this.deaths, livedMs);
    const delayMs = restartDelayMs(this.deaths);
    this.options.say(`${what}; starting it again in ${delayMs / 1000} s`);
    this.restart = setTimeout(() => this.start(), delayMs);
    this.options.onDeath?.(this.deaths);
  }
}
