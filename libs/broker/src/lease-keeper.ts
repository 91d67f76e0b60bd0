import type { RenewReply } from '#core/ledger/transitions.js';
import type { Ledger } from './ledger.js';
import type { ProcessChannel } from './process-channel.js';

/** Twice a second, so that a cancel whose message was lost still stops the upstream call within one. */
const RENEW_MS = 500;

/** Why a run must stop, as its ledger or its own process says. */
export type StopReason = Exclude<RenewReply, 'ok'> | 'drain';

interface KeptRun {
  readonly request: string;
  readonly epoch: number;
  readonly stop: (reason: StopReason) => void;
}

/**
 * Keeps the leases of all runs of this process: two script calls a second, whose reply is also the sure path of every
 * cancel. A `stop` message is only the fast one.
 */
export class LeaseKeeper {
  private readonly runs = new Set<KeptRun>();
  private timer: NodeJS.Timeout | undefined;
  private renewing = false;

  constructor(
    private readonly ledger: Ledger,
    private readonly channel: ProcessChannel,
  ) {}

  start(): void {
    this.timer = setInterval(() => void this.renew(), RENEW_MS);
  }

  stop(): void {
    clearInterval(this.timer);
  }

  /** Renews the run's lease until the returned function is called; calls `run.stop` when the run must end. */
  keep(run: KeptRun): () => void {
    this.runs.add(run);
    const ignore = this.channel.listen(run.request, ({ kind, id }) => {
      if (kind === 'stop' && id === String(run.epoch)) run.stop('ended');
    });
    return () => {
      ignore();
      this.runs.delete(run);
    };
  }

  /** One round; never twice at once: while Redis is away, the lease is the ledger's to judge. */
  async renew(): Promise<void> {
    if (this.renewing || this.runs.size === 0) return;
    this.renewing = true;
    try {
      const runs = [...this.runs];
      const replies = await this.ledger.renew(runs);
      runs.forEach((run, i) => {
        const reply = replies[i];
        if (reply !== undefined && reply !== 'ok' && this.runs.has(run)) run.stop(reply);
      });
    } catch {
      // Redis refused (READONLY, OOM…): the next round asks again, and appends are fenced meanwhile.
    } finally {
      this.renewing = false;
    }
  }
}
