import { readMember, rewriteBody } from '#core/body.js';
import type { ProviderCall } from '../provider.js';
import { readN } from './asked-choices.js';

/** How many calls a call stands for: its `n` where that is to be emulated, else 1. */
export function countEmulated({ capabilities, endpoint, body }: ProviderCall): number {
  if (capabilities?.n !== 'emulated' || (endpoint !== 'chat' && endpoint !== 'completions')) return 1;
  return readN(body);
}

/**
 * Calls for one answer each. They ask without `n`, which their upstream may not know. With one `seed` for all they would
 * come to one answer, so each gets the next.
 */
export function splitChoices(call: ProviderCall, count: number): ProviderCall[] {
  const seed = readMember(call.body, 'seed') ?? 'null';
  const isCounting = /^-?\d+$/.test(seed);
  const body = rewriteBody(call.body, { remove: ['n'] });
  return Array.from({ length: count }, (_, at) => {
    const set = { seed: String(isCounting ? BigInt(seed) + BigInt(at) : seed) };
    return { ...call, body: isCounting && at > 0 ? rewriteBody(body, { set }) : body };
  });
}
