export interface ChatStreamListener {
  /** Text of the answer, as it comes. */
  readonly onText: (text: string) => void;
  /** What the broker says while it waits: its place in the queue, later who answers. */
  readonly onComment: (text: string) => void;
}

/** Reads a stream of chat chunks to its end; `error` is why it is not whole. */
export async function readChatStream(
  body: ReadableStream<Uint8Array>,
  { onText, onComment }: ChatStreamListener,
): Promise<{ readonly error?: string }> {
  let rest = '';
  let error: string | undefined;
  let done = false;
  const decoder = new TextDecoder();
  try {
    for await (const bytes of body) {
      const lines = (rest + decoder.decode(bytes, { stream: true })).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        if (line.startsWith(':')) onComment(line.slice(1).trim());
        if (!line.startsWith('data: ')) continue;
        const data = line.slice('data: '.length);
        if (data === '[DONE]') done = true;
        else error ??= readChunk(data, onText);
      }
    }
  } catch {
    error ??= 'the connection was cut';
  }
  if (error !== undefined) return { error };
  return done ? {} : { error: 'the stream ended without its last event' };
}

interface Chunk {
  readonly error?: { readonly message?: string };
  readonly choices?: readonly { readonly delta?: { readonly content?: string | null } }[];
}

function readChunk(data: string, onText: (text: string) => void): string | undefined {
  const chunk = JSON.parse(data) as Chunk;
  if (chunk.error) return chunk.error.message ?? 'no reason given';
  const text = chunk.choices?.[0]?.delta?.content ?? '';
  if (text !== '') onText(text);
  return undefined;
}
