import { describe, expect, it } from '@jest/globals';
import { toPlainText } from './plain-text.js';

describe('toPlainText', () => {
  it.each([
    ['meta-llama/Llama-3.2-3B:free@q4', 'meta-llama/Llama-3.2-3B:free@q4'],
    ['two words', 'two%20words'],
    ['a\r\nset-cookie: x', 'a%0D%0Aset-cookie:%20x'],
    ['modèle', 'mod%C3%A8le'],
    ['🦙', '%F0%9F%A6%99'],
    ['50%', '50%25'],
    ['\ud800', '%EF%BF%BD'],
    ['', ''],
  ])('%j is %j', (text, plain) => {
    expect(toPlainText(text)).toBe(plain);
  });
});
