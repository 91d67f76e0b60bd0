import type { AttemptFailed } from '../decide-next.js';
import type { Failure } from '../failure.js';
import type { Health } from '../health.js';
import { targetKey } from '../target-key.js';
import type { Target } from '../target.js';

export const gpu: Target = { provider: 'gpu-box', model: 'llama', location: 'local' };
export const openai: Target = { provider: 'openai', model: 'gpt-4o-mini', location: 'cloud' };
export const azure: Target = { provider: 'azure', model: 'gpt-4o', location: 'cloud' };

/** One failure of each kind that the verdict tells apart. */
export const kinds = {
  refused: { category: 'fault', phase: 'not_sent', code: 'upstream_error', reason: 'ECONNREFUSED' },
  broken: { category: 'fault', phase: 'headers', code: 'upstream_error', reason: '503' },
  silent: {
    category: 'fault',
    phase: 'possibly_accepted',
    code: 'upstream_timeout',
    reason: 'first token timeout',
  },
  truncated: {
    category: 'fault',
    phase: 'headers',
    code: 'upstream_truncated',
    reason: 'ended without a finish',
  },
  busy: { category: 'backpressure', phase: 'headers', code: 'rate_limit_exceeded', reason: '429' },
  overloaded: { category: 'backpressure', phase: 'headers', code: 'upstream_error', reason: '529' },
  denied: { category: 'credential', phase: 'headers', code: 'upstream_credentials_exhausted', reason: '401' },
  absent: { category: 'unusable', phase: 'headers', code: 'model_not_found', reason: '404' },
  tooLong: {
    category: 'context',
    phase: 'headers',
    code: 'context_length_exceeded',
    reason: '400, context length',
  },
  beyond: {
    category: 'unsupported',
    phase: 'headers',
    code: 'unsupported_parameter',
    reason: '400, no tools',
    detail: { status: 400, message: 'llama does not support tools', param: 'tools' },
  },
  bad: {
    category: 'caller',
    phase: 'headers',
    code: 'upstream_rejected',
    reason: '422',
    detail: { status: 422, message: 'no such role', param: 'messages[0].role' },
  },
} as const satisfies Record<string, Failure>;

/** The first of two targets failed, with time left. */
export function failed(failure: Failure, rest: Partial<AttemptFailed> = {}): AttemptFailed {
  return {
    failure,
    targets: [gpu, openai],
    current: 0,
    trail: [],
    model: 'llama3.2',
    stream: true,
    remainingMs: 60_000,
    timeoutMs: 570_000,
    limits: { maxDelayMs: 0 },
    ...rest,
  };
}

/** Some moment; health's clock stands still there. */
const NOW = 1_800_000_000_000;

/** What is known at that moment: providers that are down for so long, ms, and targets that cool down for so long. */
export function healthOf(
  down: Readonly<Record<string, number>>,
  cooling: readonly [Target, number][] = [],
): Health {
  const breakers = Object.entries(down).map(
    ([provider, ms]) =>
      [provider, { v: 1, faults: 5, answeredAt: 0, open: { until: NOW + ms, forMs: 1_000 } }] as const,
  );
  const coolDowns = cooling.map(
    ([target, ms]) => [targetKey(target), { v: 1, until: NOW + ms, nextMs: 1_000 }] as const,
  );
  return { now: NOW, breakers: new Map(breakers), coolDowns: new Map(coolDowns) };
}
