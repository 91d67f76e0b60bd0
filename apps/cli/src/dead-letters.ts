import { DeadLetters, type ListedLetter, type RetryReply } from '#broker/dead-letters.js';
import { within } from '#broker/within.js';
import type { LoadedConfig } from '#config/load-config.js';
import { SILENT_LOG } from './silent-log.js';
import { StartError } from './start-error.js';
import { formatAge, formatTable } from './table.js';
import { findUsedRedis } from './used-redis.js';

const ANSWER_MS = 5_000;

/**
 * The requests that were given up because they lost every worker that started them, as a table or as JSON.
 *
 * @throws StartError if Redis does not answer
 */
export async function listDeadLetters(loaded: LoadedConfig, root: string, json: boolean): Promise<string[]> {
  const letters = await withLetters(loaded, root, (each) => each.list());
  return json ? [JSON.stringify(letters, null, 2)] : formatLetters(letters);
}

/**
 * Submits a dead letter that was kept again.
 *
 * @returns the id of the new request
 * @throws StartError where that cannot be, which says why
 */
export async function retryDeadLetter(loaded: LoadedConfig, root: string, request: string): Promise<string> {
  const { maxWaiting } = loaded.config.queue;
  const reply = await withLetters(loaded, root, (each) => each.retry(request, maxWaiting));
  if (reply.kind === 'submitted') return reply.request;
  throw new StartError(`${request} ${explainRefusal(reply)}`);
}

/** Why a retry submitted nothing, and what there is to do. */
export function explainRefusal(reply: Exclude<RetryReply, { kind: 'submitted' }>): string {
  switch (reply.kind) {
    case 'unknown':
      return 'is no dead letter; ./spillway dead-letters list shows them';
    case 'not_kept':
      return 'cannot be tried again: it was a plain request, whose body is deleted when it ends. Its client must send it again; with an Idempotency-Key, or x-spillway-on-disconnect: continue, a body is kept';
    case 'gone':
      return 'cannot be tried again: its body is gone, since the time it was kept (requests.keepMs) is over, or its client removed it';
    case 'queue_full':
      return `was not submitted: ${reply.waiting} requests wait for ${reply.provider}, and queue.maxWaiting allows no more. Try again later`;
  }
}

export function formatLetters(letters: readonly ListedLetter[]): string[] {
  if (letters.length === 0) return ['no dead letters'];
  return formatTable([
    ['request', 'given up', 'application', 'model', 'provider', 'starts', 'retry'],
    ...letters.map(({ request, agoMs, application, model, provider, starts, retry }) => [
      ...[request, `${formatAge(agoMs)} ago`, application ?? '-', model, provider, String(starts)],
      retry.replace('_', ' '),
    ]),
  ]);
}

async function withLetters<Value>(
  loaded: LoadedConfig,
  root: string,
  use: (letters: DeadLetters) => Promise<Value>,
): Promise<Value> {
  const { redis } = loaded.config;
  const url = (await findUsedRedis(loaded, root)) ?? redis.url;
  const letters = new DeadLetters({ ...redis, url }, SILENT_LOG);
  try {
    return await within(ANSWER_MS, use(letters));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new StartError(
      `Redis does not answer (${reason}). Start Spillway with ./spillway up, or correct REDIS_URL (or redis.url).`,
    );
  } finally {
    await letters.close();
  }
}
