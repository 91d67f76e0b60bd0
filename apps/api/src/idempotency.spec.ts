import { describe, expect, it } from '@jest/globals';
import { hashCall } from './idempotency.js';

const call = { application: 'web', key: 'k', path: '/v1/chat/completions', body: Buffer.from('{"a":1}') };

describe('hashCall', () => {
  it('holds nothing of what was sent, and is the same for the same', () => {
    const hashes = hashCall({ ...call, key: 'a-key-of-the-client' });
    expect(hashes).toEqual(hashCall({ ...call, key: 'a-key-of-the-client' }));
    for (const hash of Object.values(hashes)) expect(hash).toMatch(/^[0-9a-f]{64}$/);
  });

  it.each([
    { application: 'shop' },
    { application: null },
    { key: 'other' },
    // Where one ends and the other begins counts, too.
    { application: 'we', key: 'bk' },
  ])('has another key for %j', (over) => {
    expect(hashCall({ ...call, ...over }).key).not.toBe(hashCall(call).key);
  });

  it.each([{ path: '/v1/embeddings' }, { body: Buffer.from('{"a": 1}') }])(
    'has the same key and another fingerprint for %j',
    (over) => {
      const [one, other] = [hashCall(call), hashCall({ ...call, ...over })];
      expect(other.key).toBe(one.key);
      expect(other.fingerprint).not.toBe(one.fingerprint);
    },
  );
});
