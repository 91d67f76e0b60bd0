import { setImmediate } from 'node:timers/promises';
import type { CallEnd, Provider, ProviderCall, ProviderFrame } from '#providers/provider.js';

/** A provider call played to its end. */
export interface CollectedCall {
  readonly frames: readonly ProviderFrame[];
  /** All frames as one text. */
  readonly text: string;
  /** The content of all chunks, or of the body. */
  readonly content: string;
  readonly end: CallEnd;
}

export interface CollectOptions extends Partial<ProviderCall> {
  readonly signal?: AbortSignal;
  /** Called with each frame before the next one is asked for. */
  readonly onFrame?: (frame: ProviderFrame) => void;
}

/** A call with everything a provider needs; timers of 5 s, so that one that fires by mistake fails the test. */
export function createCall(call: Partial<ProviderCall> = {}): ProviderCall {
  const stream = call.stream ?? true;
  return {
    request: 'req_0_test',
    epoch: 1,
    body: Buffer.from(
      JSON.stringify({ model: 'public', stream, messages: [{ role: 'user', content: 'Hi' }] }),
    ),
    model: 'upstream-model',
    stream,
    endpoint: 'chat',
    includeUsage: false,
    ...call,
    timeouts: { firstTokenMs: 5_000, idleMs: 5_000, responseMs: 5_000, ...call.timeouts },
  };
}

/** Calls the provider and reads the answer to its end. */
export async function collectCall(provider: Provider, options: CollectOptions = {}): Promise<CollectedCall> {
  const { signal = new AbortController().signal, onFrame, ...call } = options;
  const iteration = provider.infer(createCall(call), signal);
  const frames: ProviderFrame[] = [];
  for (;;) {
    const next = await iteration.next();
    if (next.done) {
      const text = frames.map((frame) => frame.bytes.toString()).join('');
      return { frames, text, content: readContent(text), end: next.value };
    }
    frames.push(next.value);
    onFrame?.(next.value);
  }
}

/** Some turns of the event loop: enough for bytes on loopback to arrive, and for a socket to become free again. */
export async function turnLoop(turns = 30): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await setImmediate();
}

function readContent(text: string): string {
  const values = text.split('\n\n').flatMap((event) => {
    const json = event.replace(/^data: /, '');
    return json === '' || json === '[DONE]' ? [] : [JSON.parse(json) as Answer];
  });
  return values
    .flatMap(({ choices = [] }) => choices)
    .map(({ delta, message, text: said }) => said ?? (delta ?? message)?.content ?? '')
    .join('');
}

interface Answer {
  readonly choices?: readonly {
    readonly text?: string;
    readonly delta?: { readonly content?: string };
    readonly message?: { readonly content?: string };
  }[];
}
