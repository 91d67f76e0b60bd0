import { describe, expect, it } from '@jest/globals';
import { ledgerCases } from './testing/cases.js';
import { modelUnderTest } from './testing/model-under-test.js';
import { play } from './testing/steps.js';

describe('the model of the ledger', () => {
  it.each(ledgerCases)('$name', async (ledgerCase) => {
    expect.assertions(ledgerCase.steps.length);
    for await (const { step, actual, expected } of play(modelUnderTest(), ledgerCase)) {
      expect({ step, actual }).toEqual({ step, actual: expected });
    }
  });
});
