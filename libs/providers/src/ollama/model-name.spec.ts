import { describe, expect, it } from '@jest/globals';
import { isCloudName, isOfLibrary, normalizeName } from './model-name.js';

describe('names of models', () => {
  it.each([
    ['llama3.2', 'llama3.2:latest'],
    ['Llama3.2:Latest', 'llama3.2:latest'],
    ['qwen3:8b', 'qwen3:8b'],
    ['localhost:5000/me/mine', 'localhost:5000/me/mine:latest'],
    ['library/llama3.2', 'llama3.2:latest'],
    ['Registry.Ollama.AI/library/llama3.2:1b', 'llama3.2:1b'],
    ['https://registry.ollama.ai/library/llama3.2', 'llama3.2:latest'],
    ['hf.co/library/mine', 'hf.co/library/mine:latest'],
    ['library/me/mine', 'library/me/mine:latest'],
  ])('%s is %s', (name, normal) => {
    expect(normalizeName(name)).toBe(normal);
  });

  it.each([
    ['gpt-oss:120b-cloud', true],
    ['kimi-k2:cloud', true],
    ['cloud', false],
    ['cloud-llama:8b', false],
    ['llama3.2', false],
  ])('%s runs in a cloud: %s', (name, isCloud) => {
    expect(isCloudName(name)).toBe(isCloud);
  });

  it.each([
    ['llama3.2:1b', true],
    ['someone/model', true],
    ['hf.co/someone/model', false],
    ['registry.example/model', false],
    ['localhost:5000/model', false],
  ])('%s is of the library: %s', (name, isOf) => {
    expect(isOfLibrary(name)).toBe(isOf);
  });
});
