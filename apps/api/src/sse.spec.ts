import { describe, expect, it } from '@jest/globals';
import { errorEvent, heartbeat, routeComment } from './sse.js';

describe('heartbeat', () => {
  it.each([
    [{ state: 'waiting', position: 3, etaMs: 4000.4 }, ': queued position=3 eta_ms=4000\n'],
    [{ state: 'waiting', position: 3 }, ': queued position=3\n'],
    [{ state: 'waiting', etaMs: 0 }, ': queued eta_ms=0\n'],
    [{ state: 'waiting' }, ': queued\n'],
    [{ state: 'running', position: 1 }, ': running\n'],
    [{ state: 'ended' }, ': running\n'],
  ] as const)('%j is %j', (status, line) => {
    expect(heartbeat(status)).toBe(line);
  });
});

describe('routeComment', () => {
  it('is one comment line, whatever an upstream calls its model', () => {
    const by = {
      provider: 'gpu box',
      model: 'x\n\ndata: y',
      location: 'local',
      attempts: 2,
      queueMs: 1,
    } as const;
    expect(routeComment(by)).toBe(
      ': route provider=gpu%20box model=x%0A%0Adata:%20y location=local attempts=2\n',
    );
    expect(routeComment({ ...by, model: 'm', dropped: ['logit_bias', 'a\nb'] })).toBe(
      ': route provider=gpu%20box model=m location=local attempts=2 dropped=logit_bias,a%0Ab\n',
    );
  });
});

describe('errorEvent', () => {
  it('is one data event with all four keys, and line breaks inside the JSON only', () => {
    const event = errorEvent('stream_interrupted', { provider: 'openai', reason: 'a\nb\r\n\r\nc' });
    expect(event).toMatch(/^data: [^\r\n]+\n\n$/);
    expect(JSON.parse(event.slice('data: '.length))).toEqual({
      error: {
        message: 'The answer of openai broke off: a\nb\r\n\r\nc.',
        type: 'upstream_error',
        param: null,
        code: 'stream_interrupted',
      },
    });
  });
});
