import { isUtf8 } from 'node:buffer';
import type { AppendArgs, Guard, NewRequest } from '#core/ledger/transitions.js';

export type Argument = string | number | Buffer;

export function guardArguments(guard: Guard): [string, string | number] {
  switch (guard.kind) {
    case 'epoch':
      return [guard.kind, guard.epoch];
    case 'attempt':
      return [guard.kind, guard.attempt];
    case 'deadline':
    case 'orphan':
    case 'any':
      return [guard.kind, ''];
  }
}

/** `named`: what its idempotency key says now, `<request> <fingerprint>` or nothing; the script looks whether it still does. */
export function acceptArguments(request: NewRequest, named: string): Argument[] {
  const { idempotency, keepMs, targets } = request;
  const [first] = targets;
  return [
    request.application ?? '',
    request.model,
    request.stream ? 1 : 0,
    request.includeUsage ? 1 : 0,
    JSON.stringify(targets),
    request.timeoutMs,
    request.replica,
    request.maxWaiting,
    textOrBytes(request.body),
    Math.ceil(request.delayMs ?? 0),
    keepMs === undefined ? '' : Math.ceil(keepMs),
    idempotency?.key ?? '',
    idempotency?.fingerprint ?? '',
    named,
    first?.provider ?? '',
    first?.maxQueueWaitMs ?? '',
    request.endpoint,
  ];
}

export function frameArguments({ request, epoch, seq, bytes }: AppendArgs): Argument[] {
  return [request, epoch, seq, textOrBytes(bytes)];
}

/** Above it, text costs more than bytes. */
const MAX_TEXT_BYTES = 64 * 1024;

/**
 * The same bytes as text, where they are text: a command of text alone is put together several times faster than one
 * with bytes in it.
 */
export function textOrBytes(bytes: Buffer): string | Buffer {
  return bytes.length <= MAX_TEXT_BYTES && isUtf8(bytes) ? bytes.toString('utf8') : bytes;
}
