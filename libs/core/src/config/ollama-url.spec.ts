import { describe, expect, it } from '@jest/globals';
import { ollamaUrl } from './ollama-url.js';

describe('ollamaUrl', () => {
  it.each([
    ['127.0.0.1', 'http://127.0.0.1:11434'],
    ['0.0.0.0', 'http://127.0.0.1:11434'],
    ['0.0.0.0:8123', 'http://127.0.0.1:8123'],
    [':8123', 'http://127.0.0.1:8123'],
    ['gpu-box', 'http://gpu-box:11434'],
    ['gpu-box:80', 'http://gpu-box:80'],
    ['http://gpu-box', 'http://gpu-box'],
    ['http://gpu-box:11434/', 'http://gpu-box:11434'],
    ['https://box.example.com/ollama', 'https://box.example.com/ollama'],
    ['[::1]:11434', 'http://[::1]:11434'],
    ['[::]', 'http://127.0.0.1:11434'],
    ['no good', undefined],
    [undefined, undefined],
  ])('%j is %j', (host, url) => expect(ollamaUrl(host)).toBe(url));
});
