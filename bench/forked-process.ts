import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { pathToFileURL } from 'node:url';

/** How Node runs our TypeScript as it is; jest's own flags, which a fork would inherit, cannot. */
const EXEC_ARGV = [
  '--experimental-transform-types',
  '--conditions=spillway-source',
  '--disable-warning=ExperimentalWarning',
  '--import',
  pathToFileURL(`${import.meta.dirname}/../test/support/resolve-typescript.ts`).href,
];

/** A process of ours that answers each message with one message. It ends when we do: its channel closes with us. */
export class ForkedProcess<Request extends object, Reply extends object> {
  private readonly ended: Promise<string>;

  private constructor(
    private readonly process: ChildProcess,
    private readonly name: string,
  ) {
    this.ended = once(process, 'exit').then(([code, signal]) => `${name} ended with ${signal ?? code}`);
    process.on('error', () => undefined); // told by 'exit', or by the next message
  }

  /** @param script below bench/, `load/main.ts` */
  static start<Request extends object, Reply extends object>(script: string): ForkedProcess<Request, Reply> {
    return new ForkedProcess<Request, Reply>(
      fork(`${import.meta.dirname}/${script}`, { execArgv: EXEC_ARGV, serialization: 'advanced' }),
      script,
    );
  }

  get pid(): number {
    return this.process.pid ?? 0;
  }

  /**
   * One question at a time.
   *
   * @throws {Error} the process ended before it answered
   */
  async ask(request: Request): Promise<Reply> {
    const { promise, resolve, reject } = Promise.withResolvers<Reply>();
    this.process.once('message', (reply) => resolve(reply as Reply));
    void this.ended.then((how) => reject(new Error(how)));
    this.process.send(
      request,
      (error) => error !== null && reject(new Error(`${this.name}: ${error.message}`)),
    );
    return promise;
  }

  /** Ends it, and resolves once it has. */
  async stop(): Promise<void> {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    this.process.kill('SIGKILL');
    await this.ended;
  }
}
