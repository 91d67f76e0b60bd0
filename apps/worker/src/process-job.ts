import { randomUUID } from 'node:crypto';
import type { BrokerLog } from '#broker/connection.js';
import type { JobControl } from '#broker/consumer.js';
import type { InferenceJob } from '#broker/keys.js';
import type { WorkerBroker } from '#broker/worker-broker.js';
import type { Run } from '#core/ledger/transitions.js';
import { insist } from './insist.js';
import { runAttempt } from './run-attempt.js';
import type { ServedProvider } from './served-provider.js';

interface Context {
  readonly broker: WorkerBroker;
  readonly provider: ServedProvider;
  readonly log: BrokerLog;
  /** `queue.maxRetryDelayMs`. */
  readonly maxRetryDelayMs: number;
}

/**
 * Looks at one attempt: claims it, runs it, or sees that there is nothing to do. Never rejects: a run whose end could
 * not be written loses its lease, and the ledger goes on from there.
 */
export async function processJob(
  context: Context,
  job: InferenceJob,
  { signal, letGo }: JobControl,
): Promise<void> {
  const { broker, log } = context;
  const { request, attempt } = job;
  try {
    const by = { request, attempt, token: randomUUID(), worker: broker.name };
    // A job that ended without its claim would leave the request to nobody.
    const claim = await insist(() => broker.ledger.claim(by), { signal });
    switch (claim.kind) {
      case 'done':
      case 'busy':
        return;
      case 'superseded':
        await broker.queues.add(request, claim);
        return;
      case 'run':
        await run(context, request, claim, { signal, letGo });
    }
  } catch (error) {
    log.error({ request, attempt, reason: String(error) }, 'a job broke off; its lease will lapse');
  }
}

async function run(
  { broker, provider, maxRetryDelayMs }: Context,
  request: string,
  claim: Run,
  { signal, letGo }: JobControl,
): Promise<void> {
  const controller = new AbortController();
  const drain = () => controller.abort(signal.reason);
  if (signal.aborted) drain();
  signal.addEventListener('abort', drain);
  const release = broker.leases.keep({
    request,
    epoch: claim.epoch,
    stop: (reason) => controller.abort(reason),
  });
  const expire = setTimeout(() => controller.abort('expired'), Math.max(0, claim.remainingMs));
  try {
    const deadlineAt = performance.now() + claim.remainingMs;
    const attempt = { broker, provider, request, run: claim, controller, deadlineAt, maxRetryDelayMs };
    await runAttempt({ ...attempt, onEnding: letGo });
  } finally {
    clearTimeout(expire);
    release();
    signal.removeEventListener('abort', drain);
  }
}
