import { describe, expect, it } from '@jest/globals';
import { inspect } from 'node:util';
import { ApplicationKeys } from './application-keys.js';

const keys = new ApplicationKeys(
  new Map([
    ['web', ['key-of-web', 'second-key-of-web']],
    ['batch', ['key-of-batch']],
  ]),
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
      expect(new ApplicationKeys(new Map()).identify(authorization)).toEqual({ application: null });
    },
  );

  it('accepts nobody where the only application has no key', () => {
    const locked = new ApplicationKeys(new Map([['web', []]]));
    expect(locked.isOpen).toBe(false);
    expect(locked.identify('Bearer anything')).toBeUndefined();
  });

  it('shows no key when it is printed', () => {
    expect(inspect(keys, { showHidden: true, depth: 9 }) + JSON.stringify(keys)).not.toContain('key-of');
  });
});
