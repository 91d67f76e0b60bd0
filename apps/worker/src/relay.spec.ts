import { describe, expect, it } from '@jest/globals';
import type { CallEnd, ProviderFrame } from '#providers/provider.js';
import { FrameWriter } from './frame-writer.js';
import { relay } from './relay.js';

const whole: CallEnd = { ok: true };
const broken: CallEnd = { ok: false, aborted: false, phase: 'headers', facts: { kind: 'truncated' } };

const role = { bytes: Buffer.from('role '), output: false };
const token = { bytes: Buffer.from('token '), output: true };
const finish = { bytes: Buffer.from('finish '), output: false };

async function* call(
  frames: readonly ProviderFrame[],
  end: CallEnd,
): AsyncGenerator<ProviderFrame, CallEnd, void> {
  for (const frame of frames) yield await Promise.resolve(frame);
  return end;
}

/** What reached the log, and what would travel with the seal. */
async function relayed(frames: readonly ProviderFrame[], end: CallEnd, stream = true) {
  const appended: string[] = [];
  const ledger = {
    append: ({ bytes }: { bytes: Buffer }) => {
      appended.push(bytes.toString());
      return Promise.resolve(true);
    },
  };
  const signal = new AbortController().signal;
  const writer = new FrameWriter({ ledger, request: 'r', epoch: 1, signal, onFenced: () => undefined });
  const result = await relay(call(frames, end), writer, stream);
  const last = await writer.finish();
  const isNew = last !== undefined && last.seq > appended.length;
  return {
    result,
    appended: appended.join(''),
    all: appended.join('') + (isNew ? last.bytes.toString() : ''),
  };
}

describe('relay', () => {
  it('passes everything on from the first output', async () => {
    const { all, result } = await relayed([role, token, finish], whole);
    expect(all).toBe('role token finish ');
    expect(result).toBe(whole);
  });

  it('sends the last frame with the end', async () => {
    const { all, appended } = await relayed([role, token, { ...finish, last: true }], whole);
    expect({ all, appended }).toEqual({ all: 'role token finish ', appended: 'role token ' });
  });

  it('sends a stream that came at once with the end alone', async () => {
    const { all, appended } = await relayed([{ ...token, last: true }], whole);
    expect({ all, appended }).toEqual({ all: 'token ', appended: '' });
  });

  it('leaves nothing behind when the call fails before any output', async () => {
    const { all, result } = await relayed([role, role], broken);
    expect(all).toBe('');
    expect(result).toBe(broken);
  });

  it('keeps what the client may have seen when the call fails after it', async () => {
    const { all } = await relayed([role, token], broken);
    expect(all).toBe('role token ');
  });

  it('passes an answer without any output on, with the seal', async () => {
    const { all, appended } = await relayed([role, finish], whole);
    expect(appended).toBe('');
    expect(all).toBe('role finish ');
  });

  it('sends a whole answer with the seal alone', async () => {
    const { all, appended } = await relayed([token], whole, false);
    expect(appended).toBe('');
    expect(all).toBe('token ');
  });
});
