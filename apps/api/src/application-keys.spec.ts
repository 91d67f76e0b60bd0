import { describe, expect, it } from '@jest/globals';
import { createHash } from 'node:crypto';
import { ApplicationKeys } from './application-keys.js';

function hashed(application: string, key: string): { application: string; keyHash: string } {
  return { application, keyHash: createHash('sha256').update(key).digest('hex') };
}

const keys = new ApplicationKeys(
  [hashed('web', 'key-of-web'), hashed('web', 'second-key-of-web'), hashed('batch', 'key-of-batch')],
  false,
);

describe('application keys', () => {
  it.each([
    ['Bearer key-of-web', 'web'],
    ['Bearer second-key-of-web', 'web'],
    ['Bearer key-of-batch', 'batch'],
    ['bearer  key-of-batch ', 'batch'],
  ])('knows the application of %j', (authorization, application) => {
    expect(keys.identify(authorization)).toEqual({ application });
  });

  it.each([
    undefined,
    '',
    'Bearer',
    'Bearer ',
    'Bearer key-of-we',
    'Bearer key-of-webs',
    'Bearer KEY-OF-WEB',
    'Bearer key-of-web key-of-batch',
    'Basic key-of-web',
    'key-of-web',
  ])('knows nobody by %j', (authorization) => {
    expect(keys.identify(authorization)).toBeUndefined();
  });

  it.each([undefined, 'Bearer anything', 'Bearer ', 'nonsense'])(
    'accepts %j where no application is configured',
    (authorization) => {
      expect(new ApplicationKeys([], true).identify(authorization)).toEqual({ application: null });
    },
  );

  it('accepts nobody where applications are configured without a key', () => {
    expect(new ApplicationKeys([], false).identify('Bearer anything')).toBeUndefined();
  });
});
