import { ForkedProcess } from './forked-process.js';
import type { UpstreamReplyMessage, UpstreamRequestMessage, UpstreamStats } from './upstream/messages.js';

/** The scripted upstream, in a process of its own. */
export class UpstreamProcess {
  private constructor(
    private readonly process: ForkedProcess<UpstreamRequestMessage, UpstreamReplyMessage>,
    private readonly port: number,
  ) {}

  /** Listens on a free port of loopback. */
  static async start(): Promise<UpstreamProcess> {
    const process = ForkedProcess.start<UpstreamRequestMessage, UpstreamReplyMessage>('upstream/main.ts');
    const reply = await process.ask({ kind: 'start' });
    if (reply.kind !== 'ready') throw new Error(`the upstream answered 'start' with '${reply.kind}'`);
    return new UpstreamProcess(process, reply.port);
  }

  /** `http://127.0.0.1:<port>/v1`, as a provider's base URL. */
  get url(): string {
    return `http://127.0.0.1:${this.port}/v1`;
  }

  get pid(): number {
    return this.process.pid;
  }

  /** Since it began; differences are for the caller to take. */
  async stats(): Promise<UpstreamStats> {
    const reply = await this.process.ask({ kind: 'stats' });
    if (reply.kind !== 'stats') throw new Error(`the upstream answered 'stats' with '${reply.kind}'`);
    return reply.stats;
  }

  async stop(): Promise<void> {
    await this.process.stop();
  }
}
