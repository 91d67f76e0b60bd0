import { describe, expect, it } from '@jest/globals';
import type { CallResult } from '#core/health.js';
import type { CallEnd, ProviderFrame } from '#providers/provider.js';
import { tellOutput } from './tell-output.js';

describe('tellOutput', () => {
  it('tells of the first output before it passes it on, once, and changes nothing', async () => {
    const events: string[] = [];
    const tell = async ({ kind }: CallResult) => void events.push(kind);
    const call = tellOutput(script(['role', false], ['one', true], ['two', true]), tell);
    for (;;) {
      const step = await call.next();
      events.push(step.done ? JSON.stringify(step.value) : step.value.bytes.toString());
      if (step.done) break;
    }
    expect(events).toEqual(['role', 'answered', 'one', 'two', '{"ok":true}']);
  });
});

async function* script(
  ...frames: readonly (readonly [string, boolean])[]
): AsyncGenerator<ProviderFrame, CallEnd, void> {
  for (const [text, output] of frames) yield { bytes: Buffer.from(text), output };
  return { ok: true };
}
