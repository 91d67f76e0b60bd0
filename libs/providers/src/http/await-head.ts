import type { CallEnd, ProviderCall } from '../provider.js';
import type { Exchange, ExchangeEvent } from './exchange.js';
import { toConnectionFacts } from './exchange.js';

export type Head = Extract<ExchangeEvent, { readonly kind: 'head' }>;

/** The head of the answer; or how the call ended without one. */
export async function awaitHead(
  exchange: Exchange,
  { stream, timeouts }: Pick<ProviderCall, 'stream' | 'timeouts'>,
  startedAt: number,
): Promise<Head | Extract<CallEnd, { readonly ok: false }>> {
  const { firstTokenMs, streamMs = Infinity, responseMs } = timeouts;
  const event = await exchange.next(startedAt + (stream ? Math.min(firstTokenMs, streamMs) : responseMs));
  const { phase } = exchange;
  switch (event.kind) {
    case 'head':
      return event;
    case 'aborted':
      return { ok: false, aborted: true, phase };
    case 'timeout': {
      const timer = !stream ? 'response' : streamMs < firstTokenMs ? 'stream' : 'first_token';
      return { ok: false, aborted: false, phase, facts: { kind: 'timeout', timer } };
    }
    case 'error':
      return { ok: false, aborted: false, phase, facts: toConnectionFacts(event.code, phase) };
    case 'data':
    case 'end':
      throw new Error(`The HTTP client gave ${event.kind} before a head.`);
  }
}
