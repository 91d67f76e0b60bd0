import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { CallEnd, ProviderFrame } from '../provider.js';
import { inferTogether } from './infer-together.js';

type Answer = AsyncGenerator<ProviderFrame, CallEnd, void>;

const usage = { promptTokens: 7, completionTokens: 2 };
const refused: CallEnd = {
  ...{ ok: false, aborted: false, phase: 'headers' },
  facts: { kind: 'status', status: 503 },
};

function chunk(text: string): ProviderFrame {
  const choices = [{ index: 0, delta: { content: text } }];
  return { bytes: Buffer.from(`data: ${JSON.stringify({ id: 'x', choices })}\n\n`), output: text !== '' };
}

/** A call whose frames and end the test gives one by one; it knows when it was left, and ends when it is stopped. */
class Scripted {
  stopped = false;
  left = false;
  asked = 0;
  private readonly steps: (ProviderFrame | CallEnd)[] = [];
  private wake: (() => void) | undefined;

  give(...steps: (ProviderFrame | CallEnd)[]): this {
    this.steps.push(...steps);
    this.wake?.();
    return this;
  }

  readonly infer = async function* (this: Scripted, stop: AbortSignal): Answer {
    stop.addEventListener('abort', () => {
      this.stopped = true;
      this.wake?.();
    });
    try {
      for (;;) {
        this.asked++;
        while (this.steps.length === 0 && !this.stopped)
          await new Promise<void>((resolve) => (this.wake = resolve));
        const step = this.stopped ? undefined : this.steps.shift();
        if (!step) return { ok: false, aborted: true, phase: 'possibly_accepted' };
        if (!('bytes' in step)) return step;
        yield step;
      }
    } finally {
      this.left = true;
    }
  }.bind(this);
}

function together(count: number, { stream = true } = {}) {
  const calls = Array.from({ length: count }, () => new Scripted());
  const cancel = new AbortController();
  const start = calls.map(({ infer }) => infer);
  return { calls, cancel, answer: inferTogether(start, stream, cancel.signal) };
}

async function readAll(answer: Answer): Promise<{ frames: string[]; end: CallEnd }> {
  const frames: string[] = [];
  for (;;) {
    const step = await answer.next();
    if (step.done) return { frames, end: step.value };
    frames.push(step.value.bytes.toString());
  }
}

function part(calls: readonly Scripted[], at: number): Scripted {
  const call = calls[at];
  if (!call) throw new RangeError(`there is no call ${at}`);
  return call;
}

describe('inferTogether', () => {
  it('starts every call before any has answered', async () => {
    const { calls, answer } = together(3);
    const first = answer.next();
    expect(calls.map(({ asked }) => asked)).toEqual([1, 1, 1]);
    part(calls, 2).give(chunk('c'));
    const step = await first;
    expect(step.done ? '' : step.value.bytes.toString()).toContain('"index":2');
    await answer.return(refused);
  });

  it('goes on with one call while another is silent, and ends once with all of them', async () => {
    const { calls, answer } = together(2);
    part(calls, 0).give(chunk('a'), chunk('b'), { ok: true, usage });
    const reading = readAll(answer);
    part(calls, 1).give(chunk('c'), { ok: true, usage });
    const { frames, end } = await reading;
    expect(frames).toHaveLength(4);
    expect(frames.at(-1)).toBe('data: [DONE]\n\n');
    expect(end).toEqual({ ok: true, usage: { promptTokens: 14, completionTokens: 4 } });
  });

  it('fails as the first call that does before output, and stops the others', async () => {
    const { calls, answer } = together(3);
    part(calls, 1).give(refused);
    const { frames, end } = await readAll(answer);
    expect(frames).toEqual([]);
    expect(end).toEqual({ ...refused, calls: 3 });
    expect(calls.map(({ left }) => left)).toEqual([true, true, true]);
  });

  it('breaks the stream where a call fails after output of any of them', async () => {
    const { calls, answer } = together(2);
    part(calls, 0).give(chunk('a'));
    expect((await answer.next()).done).toBe(false);
    part(calls, 1).give(refused);
    const { frames, end } = await readAll(answer);
    expect(frames).toEqual([]);
    expect(end).toMatchObject({ ok: false, aborted: false, phase: 'visible', facts: { status: 503 } });
    expect(part(calls, 0).stopped).toBe(true);
  });

  it('is not visible by what is no output', async () => {
    const { calls, answer } = together(2);
    part(calls, 0).give(chunk(''));
    expect((await answer.next()).done).toBe(false);
    part(calls, 1).give(refused);
    expect((await readAll(answer)).end).toMatchObject({ ok: false, phase: 'headers' });
  });

  it('shows nothing of whole answers until all are there, and nothing at all where one fails', async () => {
    const body = { bytes: Buffer.from('{"choices":[{"index":0}]}'), output: true };
    const whole = together(2, { stream: false });
    for (const call of whole.calls) call.give(body, { ok: true, usage });
    const read = await readAll(whole.answer);
    expect(read.frames).toEqual(['{"choices":[{"index":0},{"index":1}]}']);
    const broken = together(2, { stream: false });
    part(broken.calls, 0).give(body, { ok: true, usage });
    part(broken.calls, 1).give(refused);
    expect(await readAll(broken.answer)).toMatchObject({
      frames: [],
      end: { ok: false, phase: 'headers', received: { deltas: 2 } },
    });
  });

  it('is aborted by its signal, and every call with it', async () => {
    const { calls, answer, cancel } = together(2);
    part(calls, 0).give(chunk('a'));
    await answer.next();
    const reading = readAll(answer);
    cancel.abort();
    expect((await reading).end).toMatchObject({ ok: false, aborted: true, phase: 'visible' });
    expect(calls.map(({ left }) => left)).toEqual([true, true]);
  });

  it('leaves every call when it is left itself', async () => {
    const { calls, answer } = together(2);
    part(calls, 0).give(chunk('a'));
    await answer.next();
    await answer.return(refused);
    expect(calls.map(({ stopped, left }) => [stopped, left])).toEqual([
      [true, true],
      [true, true],
    ]);
  });

  it('leaves the other calls where one throws', async () => {
    const other = new Scripted();
    async function* broken(): Answer {
      throw new Error('a bug');
    }
    const answer = inferTogether([other.infer, broken], true, new AbortController().signal);
    await expect(answer.next()).rejects.toThrow('a bug');
    expect(other.left).toBe(true);
  });

  it('asks no call for more while nobody takes what is there', async () => {
    const { calls, answer } = together(2);
    part(calls, 0).give(chunk('a'), chunk('b'));
    await answer.next();
    expect(calls.map(({ asked }) => asked)).toEqual([1, 1]);
    await answer.next();
    expect(calls.map(({ asked }) => asked)).toEqual([2, 1]);
    await answer.return(refused);
  });

  it('keeps each stream in its order, whenever its pieces come', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        fc.array(fc.array(fc.string(), { maxLength: 6 }), { minLength: 2, maxLength: 4 }),
        async (scheduler, texts) => {
          const start = texts.map(
            (own) =>
              async function* (): Answer {
                for (const text of own) yield await scheduler.schedule(Promise.resolve(chunk(text)));
                return scheduler.schedule(Promise.resolve({ ok: true, usage } as const));
              },
          );
          const reading = readAll(inferTogether(start, true, new AbortController().signal));
          const { frames, end } = await scheduler.waitFor(reading);
          const choices = frames.slice(0, -1).flatMap((frame) => {
            const { choices: own } = JSON.parse(frame.slice('data: '.length)) as {
              choices: { index: number; delta: { content: string } }[];
            };
            return own;
          });
          for (const [index, own] of texts.entries()) {
            const seen = choices.filter((choice) => choice.index === index);
            expect(seen.map(({ delta }) => delta.content)).toEqual(own);
          }
          expect(end.ok).toBe(true);
          expect(frames.at(-1)).toBe('data: [DONE]\n\n');
        },
      ),
    );
  });
});
