import { describe, expect, it } from '@jest/globals';
import { describeRequest, newRecord } from './request-record.js';

describe('describeRequest', () => {
  it('tells what is known, in whole milliseconds', () => {
    const record = newRecord('req_0_X', 'POST', '/v1/chat/completions', 1000);
    Object.assign(record, {
      model: 'demo',
      provider: 'demo',
      attempts: 1,
      outcome: 'ok',
      queueMs: 3.4,
      firstMs: 7.6,
    });
    expect(describeRequest(record, 200, 1042.2)).toEqual({
      request: 'req_0_X',
      method: 'POST',
      route: '/v1/chat/completions',
      model: 'demo',
      provider: 'demo',
      attempts: 1,
      queueMs: 3,
      firstMs: 8,
      totalMs: 42,
      bytes: 0,
      outcome: 'ok',
      status: 200,
    });
  });

  it('leaves out what never came to be known', () => {
    const fields = describeRequest(newRecord('req_0_X', 'GET', null, 0), 404, 1);
    expect(Object.keys(fields).sort()).toEqual(['bytes', 'method', 'request', 'status', 'totalMs']);
  });
});
