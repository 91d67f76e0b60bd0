import type { Load, LoadResult } from './contract.js';
import { ForkedProcess } from './forked-process.js';
import type { LoadReplyMessage, LoadRequestMessage } from './load/messages.js';

/** The load generator, in a process of its own. */
export class LoadProcess {
  private constructor(private readonly process: ForkedProcess<LoadRequestMessage, LoadReplyMessage>) {}

  static start(): LoadProcess {
    return new LoadProcess(ForkedProcess.start<LoadRequestMessage, LoadReplyMessage>('load/main.ts'));
  }

  get pid(): number {
    return this.process.pid;
  }

  /**
   * One load at a time.
   *
   * @throws {Error} the load could not be run at all (nobody listens); wrong answers are in the result
   */
  async run(load: Load): Promise<LoadResult> {
    const reply = await this.process.ask({ kind: 'run', load });
    if (reply.kind === 'failed') throw new Error(`no load on ${load.url}: ${reply.reason}`);
    return reply.result;
  }

  async stop(): Promise<void> {
    await this.process.stop();
  }
}
