import type { CallEnd, ProviderFrame } from '#providers/provider.js';
import type { FrameWriter } from './frame-writer.js';

/**
 * Passes a call's frames on. A stream's frames are held until the first real output, so that a failure before it
 * leaves nothing behind and a fallback stays invisible. The last frame, and so a whole answer, goes out with the seal.
 */
export async function relay(
  call: AsyncGenerator<ProviderFrame, CallEnd, void>,
  writer: FrameWriter,
  stream: boolean,
): Promise<CallEnd> {
  const held: Buffer[] = [];
  let visible = false;
  for (;;) {
    const step = await call.next();
    if (step.done) {
      // A whole answer without any output (an empty one) is an answer all the same.
      if (visible || step.value.ok) writer.hold(held);
      return step.value;
    }
    const { bytes, output, last } = step.value;
    visible ||= output && stream;
    held.push(bytes);
    if (!visible || last) continue;
    const frame = held.length === 1 ? bytes : Buffer.concat(held);
    held.length = 0;
    const full = writer.write(frame);
    if (full) await full;
  }
}
