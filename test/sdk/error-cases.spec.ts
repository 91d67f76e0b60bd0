import { describe, expect, it } from '@jest/globals';
import { errors } from '#core/errors.js';
import { errorCases } from './error-cases.js';

describe('the cases of errors', () => {
  it('are those of the table, in its order: each is met by the SDKs, or it is said why it cannot be', () => {
    expect(Object.keys(errorCases)).toEqual(Object.keys(errors));
  });

  it('leave out this one alone, which comes with the origins and addresses of applications', () => {
    const unreachable = Object.entries(errorCases).flatMap(([code, each]) =>
      'unreachable' in each ? [code] : [],
    );
    expect(unreachable).toEqual(['application_not_allowed']);
  });
});
