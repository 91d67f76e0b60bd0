import { describe, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { exampleCurl } from './example-curl.js';

/** The words that a shell makes of a command. */
function words(command: string, env: Record<string, string> = {}): string[] {
  const script = command.replace(/^curl/, `printf '%s\\0'`);
  return execFileSync('/bin/sh', ['-c', script], { env: { PATH: '/usr/bin:/bin', ...env } })
    .toString()
    .split('\0')
    .slice(0, -1);
}

describe('exampleCurl', () => {
  it('asks for a stream from the model, with the key that the shell has', () => {
    const baseUrl = 'http://127.0.0.1:4100/v1';
    const example = exampleCurl({ baseUrl, model: 'demo', keyVariable: 'WEB_KEY' });
    const [noBuffer, url, , type, , key, , body] = words(example, { WEB_KEY: `a'b$c` });
    expect([noBuffer, url]).toEqual(['-N', 'http://127.0.0.1:4100/v1/chat/completions']);
    expect([type, key]).toEqual(['content-type: application/json', `authorization: Bearer a'b$c`]);
    expect(JSON.parse(body ?? '')).toMatchObject({ model: 'demo', stream: true });
  });

  it('sends no key where none is needed', () => {
    expect(exampleCurl({ baseUrl: 'http://127.0.0.1:1/v1', model: 'demo' })).not.toContain('authorization');
  });

  it('survives a shell whatever the model holds', () => {
    const model = `o'neill "x" $HOME \`id\` \\`;
    const [, , , , , body] = words(exampleCurl({ baseUrl: 'http://[::1]:1/v1', model }));
    expect(JSON.parse(body ?? '')).toMatchObject({ model });
  });
});
