import type { CallResult } from '#core/health.js';
import type { CallEnd, ProviderFrame } from '#providers/provider.js';

/**
 * The same call, which tells of its first output at once: a provider that is being probed answers then, and others need
 * not wait for the end of a long stream.
 */
export async function* tellOutput(
  call: AsyncGenerator<ProviderFrame, CallEnd, void>,
  tell: (result: CallResult) => Promise<void>,
): AsyncGenerator<ProviderFrame, CallEnd, void> {
  for (let told = false; ;) {
    const step = await call.next();
    if (step.done) return step.value;
    if (step.value.output && !told) {
      told = true;
      void tell({ kind: 'answered' });
    }
    yield step.value;
  }
}
