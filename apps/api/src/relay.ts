import { SpillwayError } from '#core/errors.js';
import type { Answer } from './answer.js';
import { attemptsOf } from './attempts.js';
import { failureOf, parseEnd } from './end-entry.js';
import type { Cut, Exchange } from './exchange.js';
import type { RequestRecord } from './request-record.js';
import { readStart, type ServedBy } from './served-by.js';

/** What an exchange came to: the answer is whole, an error is to be told, or nobody is there to be told. */
type Ending = 'whole' | 'gone' | SpillwayError;

/**
 * Passes the entries of a request's log on to its answer until it ends or is cut short.
 *
 * @throws {SpillwayError} where the failure can still be told with a status of its own
 */
export async function relay(exchange: Exchange, answer: Answer, record: RequestRecord): Promise<void> {
  const cut = exchange.cut.then((why) => endingOfCut(why, exchange, record));
  const ending = await Promise.race([cut, follow(exchange, answer, record).then((end) => end ?? cut)]);
  if (ending === 'gone') return;
  if (ending === 'whole') answer.complete();
  else answer.fail(ending);
}

/** Undefined if the exchange was cut short. */
async function follow(
  exchange: Exchange,
  answer: Answer,
  record: RequestRecord,
): Promise<Ending | undefined> {
  let by: ServedBy | undefined;
  try {
    for await (const { id, type, bytes } of exchange.reader) {
      switch (type) {
        case 'start':
          by = readStart(bytes, by);
          noteStart(record, by);
          answer.start(by);
          break;
        case 'data':
          record.firstMs ??= performance.now() - record.startedAt;
          await answer.data(bytes, id);
          break;
        case 'end':
          return readEnd(bytes, record);
      }
      if (exchange.isCut) break;
    }
  } catch (error) {
    if (error instanceof SpillwayError) return error;
    throw error;
  }
  return undefined;
}

function noteStart(record: RequestRecord, by: ServedBy): void {
  record.provider = by.provider;
  record.location = by.location;
  record.attempts = by.attempts;
  record.queueMs = by.queueMs;
}

function readEnd(bytes: Buffer, record: RequestRecord): Ending {
  const end = parseEnd(bytes);
  record.attempts = end.attempts;
  record.queueMs = end.queueMs ?? record.queueMs;
  record.made = attemptsOf(end, record.provider);
  if (end.outcome === 'completed') return 'whole';
  // By another's hand: this client is still here.
  if (end.outcome === 'cancelled') return brokeOff(record, 'the request was cancelled');
  return failureOf(end, { request: record.id, model: record.model ?? 'the model' });
}

function endingOfCut(why: Cut, exchange: Exchange, record: RequestRecord): Ending {
  switch (why) {
    case 'gone':
      return 'gone';
    case 'late':
      return new SpillwayError('deadline_exceeded', { seconds: exchange.timeoutMs / 1000 });
    case 'stopped':
      if (exchange.goesOn)
        return brokeOff(record, `this server is shutting down; the request goes on, ${whereToRead(record)}`);
      if (record.bytes > 0) return brokeOff(record, 'this server is shutting down');
      return new SpillwayError('shutting_down');
  }
}

function whereToRead({ id }: RequestRecord): string {
  return `read it at /v1/requests/${id}/stream`;
}

function brokeOff(record: RequestRecord, reason: string): SpillwayError {
  return new SpillwayError('stream_interrupted', { provider: record.provider ?? 'the provider', reason });
}
