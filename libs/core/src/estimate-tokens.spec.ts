import { describe, expect, it } from '@jest/globals';
import { estimateCompletionTokens, estimatePromptTokens } from './estimate-tokens.js';

const promptOf = (body: unknown) => estimatePromptTokens(Buffer.from(JSON.stringify(body)));
const user = (content: unknown) => ({ role: 'user', content });

describe('estimatePromptTokens', () => {
  it('counts four bytes of text to a token, and a little for each message', () => {
    // role 4 + content 12 bytes, and 4 for the message
    expect(promptOf({ messages: [user('x'.repeat(12))] })).toBe(8);
    expect(promptOf({ messages: [user('x'.repeat(12)), user('x'.repeat(12))] })).toBe(16);
  });

  it('counts UTF-8 bytes, so that scripts of three bytes a letter are not taken for short', () => {
    expect(promptOf({ messages: [user('日本語日')] })).toBe(promptOf({ messages: [user('x'.repeat(12))] }));
  });

  it('counts tools, and text in parts', () => {
    const plain = promptOf({ messages: [user('x')] });
    expect(promptOf({ messages: [user('x')], tools: [{ function: { name: 'f'.repeat(40) } }] })).toBe(
      plain + 10,
    );
    expect(promptOf({ messages: [user([{ type: 'text', text: 'x'.repeat(400) }])] })).toBeGreaterThan(100);
  });

  it('takes an attachment for what it is, not for its bytes', () => {
    const url = `data:image/png;base64,${'A'.repeat(1_000_000)}`;
    const image = promptOf({ messages: [user([{ type: 'image_url', image_url: { url } }])] });
    expect(image).toBeGreaterThan(200);
    expect(image).toBeLessThan(300);
  });

  it.each(['', '{', 'null', '[]', '{"messages":5}'])('is 0 where there is no prompt: %j', (body) => {
    expect(estimatePromptTokens(Buffer.from(body))).toBe(0);
  });
});

describe('estimateCompletionTokens', () => {
  it.each([
    [0, 0, 0],
    [3, 5, 3],
    [2, 400, 100],
    [1, 5, 2],
  ])('%i deltas with %i bytes are %i tokens', (deltas, textBytes, tokens) => {
    expect(estimateCompletionTokens({ deltas, textBytes })).toBe(tokens);
  });
});
