import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { open } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { guardProcess } from '../../apps/cli/src/guard.js';

/** How often a log is looked into for what its process says when it is ready, ms. */
const LOOK_MS = 50;
/** Enough of a log for the reason why its process ended. */
const LAST_WORDS_BYTES = 2_000;
/** Python takes long to load what LiteLLM imports. */
const READY_MS = 120_000;

export interface ServerProcessOptions {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** Its whole environment: nothing of ours is passed on, so runs do not differ by who starts them. */
  readonly env: Readonly<Record<string, string>>;
  /** Working directory, and where `<name>.log` is written. */
  readonly directory: string;
}

/**
 * A server of a target. It logs to a file, as servers do: a pipe would cost its reader CPU, and stop it when nobody
 * reads. It cannot outlive us.
 */
export class ServerProcess {
  readonly exited: Promise<void>;

  private constructor(
    private readonly child: ChildProcess,
    private readonly name: string,
    private readonly logFile: string,
  ) {
    const guard = guardProcess(this.pid, 'KILL');
    this.exited = once(child, 'exit').then(() => guard.release());
    child.unref();
  }

  /** @throws if the command cannot be run at all. */
  static async start(options: ServerProcessOptions): Promise<ServerProcess> {
    const { name, command, args, env, directory } = options;
    const logFile = path.join(directory, `${name}.log`);
    const log = openSync(logFile, 'a');
    const child = spawn(command, args, { cwd: directory, env, stdio: ['ignore', log, log] });
    closeSync(log);
    await once(child, 'spawn');
    return new ServerProcess(child, name, logFile);
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  /** @throws if it has ended, with the last of what it printed: a taken port, a missing module. */
  async expectRunning(): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) return;
    throw new Error(`${this.name} ended by itself: ${await this.lastWords()}`);
  }

  /** @throws if it ends before it has printed this, or does not print it in time. */
  async prints(text: string): Promise<void> {
    const deadline = Date.now() + READY_MS;
    while (!(await this.read(0)).includes(text)) {
      await this.expectRunning();
      if (Date.now() > deadline) throw new Error(`${this.name} did not start: ${await this.lastWords()}`);
      await pause(LOOK_MS);
    }
  }

  /** At once: whatever it holds is thrown away anyway. */
  async end(): Promise<void> {
    this.child.ref(); // whoever waits for the end must not run out of things to wait for
    this.child.kill('SIGKILL');
    await this.exited;
  }

  /** The end of its log, on one line. */
  async lastWords(): Promise<string> {
    return (await this.read(LAST_WORDS_BYTES)).trim().replaceAll(/\s*\n\s*/g, ' | ');
  }

  /** The last so many bytes of the log; 0: all of them, so only while it starts. */
  private async read(bytes: number): Promise<string> {
    await using file = await open(this.logFile);
    const { size } = await file.stat();
    const length = bytes === 0 ? size : Math.min(bytes, size);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, size - length);
    return buffer.toString('utf8', 0, bytesRead);
  }
}
