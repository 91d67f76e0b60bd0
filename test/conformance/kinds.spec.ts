import { describe, expect, it } from '@jest/globals';
import { providersSchema } from '#core/config/provider-schema.js';
import { CONFORMING } from './kinds.js';

describe('the kinds of the conformance suite', () => {
  it('are all that a configuration knows, but for the one without an upstream', () => {
    const known = ['demo', ...CONFORMING.map(({ kind }) => kind)];
    const { error } = providersSchema.safeParse({ p: { kind: 'no such kind' } });
    const named = [...JSON.stringify(error?.issues).matchAll(/'([\w-]+)'/g)].map(([, kind]) => kind);
    expect(new Set(named)).toEqual(new Set(known));
  });
});
