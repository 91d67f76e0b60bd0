import { describe, expect, it } from '@jest/globals';
import type { StartEntry } from '#core/ledger/transitions.js';
import { readStart, routeHeaders } from './served-by.js';

const start: StartEntry = {
  v: 1,
  epoch: 1,
  attempt: 1,
  provider: 'gpu-box',
  model: 'meta-llama/Llama-3.2',
  location: 'local',
  queueMs: 41.6,
};

function toBytes(entry: StartEntry): Buffer {
  return Buffer.from(JSON.stringify(entry));
}

describe('served by', () => {
  it('names the provider of a start entry in the route headers', () => {
    expect(routeHeaders(readStart(toBytes(start), undefined))).toEqual({
      'x-spillway-provider': 'gpu-box',
      'x-spillway-model': 'meta-llama/Llama-3.2',
      'x-spillway-location': 'local',
      'x-spillway-attempts': '1',
      'x-spillway-queue-ms': '42',
    });
  });

  it('says what the provider did not get, and nothing where it got all', () => {
    const dropped = readStart(toBytes({ ...start, dropped: ['logit_bias', 'sée d'] }), undefined);
    expect(routeHeaders(dropped)['x-spillway-dropped']).toBe('logit_bias, s%C3%A9e%20d');
    // A fallback that gets all is told of as such.
    expect(routeHeaders(readStart(toBytes(start), dropped))).not.toHaveProperty('x-spillway-dropped');
  });

  it('follows a fallback, and keeps the wait of the first claim', () => {
    const fallback: StartEntry = {
      ...start,
      epoch: 2,
      attempt: 2,
      provider: 'openai',
      location: 'cloud',
      queueMs: 900,
    };
    const by = readStart(toBytes(fallback), readStart(toBytes(start), undefined));
    expect(by).toMatchObject({ provider: 'openai', location: 'cloud', attempts: 2, queueMs: 41.6 });
  });

  it('keeps a line break of an upstream name out of the headers', () => {
    const headers = routeHeaders(readStart(toBytes({ ...start, model: 'x\r\nset-cookie: a=b' }), undefined));
    expect(headers['x-spillway-model']).toBe('x%0D%0Aset-cookie:%20a=b');
  });

  it('has no route headers before any start', () => {
    expect(routeHeaders(undefined)).toEqual({});
  });
});
