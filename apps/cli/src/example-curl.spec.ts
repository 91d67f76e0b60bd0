import { describe, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { exampleCurl } from './example-curl.js';

/** The words that a shell makes of a command. */
function words(command: string): string[] {
  const script = command.replace(/^curl/, `printf '%s\\0'`);
  return execFileSync('/bin/sh', ['-c', script]).toString().split('\0').slice(0, -1);
}

describe('exampleCurl', () => {
  it('asks for a stream from the model, with the key', () => {
    const example = exampleCurl({ baseUrl: 'http://127.0.0.1:4100/v1', model: 'demo', apiKey: 'k-1' });
    const [noBuffer, url, , type, , key, , body] = words(example);
    expect([noBuffer, url]).toEqual(['-N', 'http://127.0.0.1:4100/v1/chat/completions']);
    expect([type, key]).toEqual(['content-type: application/json', 'authorization: Bearer k-1']);
    expect(JSON.parse(body ?? '')).toMatchObject({ model: 'demo', stream: true });
  });

  it('sends no key where none is needed', () => {
    expect(exampleCurl({ baseUrl: 'http://127.0.0.1:1/v1', model: 'demo' })).not.toContain('authorization');
  });

  it('survives a shell whatever the model and key hold', () => {
    const model = `o'neill "x" $HOME \`id\` \\`;
    const [, , , , , key, , body] = words(
      exampleCurl({ baseUrl: 'http://[::1]:1/v1', model, apiKey: `a'b$c` }),
    );
    expect(key).toBe(`authorization: Bearer a'b$c`);
    expect(JSON.parse(body ?? '')).toMatchObject({ model });
  });
});
