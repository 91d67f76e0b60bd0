import { describe, expect, it } from '@jest/globals';
import { readChatStream } from './chat-stream.js';

async function read(...pieces: readonly (string | Uint8Array)[]) {
  const texts: string[] = [];
  const comments: string[] = [];
  const body = ReadableStream.from(
    pieces.map((piece) => (typeof piece === 'string' ? new TextEncoder().encode(piece) : piece)),
  );
  const end = await readChatStream(body, {
    onText: (text) => texts.push(text),
    onComment: (text) => comments.push(text),
  });
  return { ...end, text: texts.join(''), comments };
}

const token = (content: string) => `data: {"choices":[{"delta":{"content":"${content}"}}]}\n\n`;
const DONE = 'data: [DONE]\n\n';

describe('readChatStream', () => {
  it('hands out the text and the comments', async () => {
    const stream = `: queued position=2\n${token('Hel')}${token('lo')}data: {"choices":[]}\n\n${DONE}`;
    expect(await read(stream)).toEqual({ text: 'Hello', comments: ['queued position=2'] });
  });

  it('reads what is split anywhere, inside a character too', async () => {
    const bytes = new TextEncoder().encode(token('Grüße') + DONE);
    const pieces = [...bytes].map((byte) => Uint8Array.of(byte));
    expect(await read(...pieces)).toEqual({ text: 'Grüße', comments: [] });
  });

  it('keeps the text before an error, and says which it was', async () => {
    expect(await read(token('Hel'), 'data: {"error":{"message":"gone"}}\n\n')).toEqual({
      text: 'Hel',
      comments: [],
      error: 'gone',
    });
  });

  it('takes no end without [DONE] for an end', async () => {
    expect(await read(token('Hel'))).toMatchObject({ error: 'the stream ended without its last event' });
  });
});
