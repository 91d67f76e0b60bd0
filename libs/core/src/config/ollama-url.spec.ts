import { describe, expect, it } from '@jest/globals';
import { ollamaUrl } from './ollama-url.js';

describe('ollamaUrl', () => {
  it.each([
    ['127.0.0.1', 'http://127.0.0.1:11434/v1'],
    ['0.0.0.0', 'http://127.0.0.1:11434/v1'],
    ['0.0.0.0:8123', 'http://127.0.0.1:8123/v1'],
    [':8123', 'http://127.0.0.1:8123/v1'],
    ['gpu-box', 'http://gpu-box:11434/v1'],
    ['gpu-box:80', 'http://gpu-box:80/v1'],
    ['http://gpu-box', 'http://gpu-box/v1'],
    ['http://gpu-box:11434/', 'http://gpu-box:11434/v1'],
    ['https://box.example.com/ollama', 'https://box.example.com/ollama/v1'],
    ['[::1]:11434', 'http://[::1]:11434/v1'],
    ['[::]', 'http://127.0.0.1:11434/v1'],
    ['no good', undefined],
    [undefined, undefined],
  ])('%j is %j', (host, url) => expect(ollamaUrl(host)).toBe(url));
});
