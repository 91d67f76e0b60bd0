import { isDeepStrictEqual } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { brokenByCase } from './testing/broken-by-case.js';
import { brokenLedgers } from './testing/broken-ledgers.js';
import { ledgerCases } from './testing/cases.js';
import { modelUnderTest } from './testing/model-under-test.js';
import { play, type LedgerCase } from './testing/steps.js';
import { wholeModel, type Transitions } from './testing/world.js';

describe('the model of the ledger', () => {
  it.each(ledgerCases)('$name', async (ledgerCase) => {
    expect.assertions(ledgerCase.steps.length);
    for await (const { step, actual, expected } of play(modelUnderTest(), ledgerCase)) {
      expect({ step, actual }).toEqual({ step, actual: expected });
    }
  });
});

describe('the cases notice when', () => {
  it.each([...brokenLedgers, ...brokenByCase])('$name', async ({ without }) => {
    const failing = await Promise.all(ledgerCases.map((each) => fails(each, { ...wholeModel, ...without })));
    expect(failing).toContain(true);
  });

  it('and are content with the model itself', async () => {
    const failing = await Promise.all(ledgerCases.map((each) => fails(each, wholeModel)));
    expect(failing).not.toContain(true);
  });
});

async function fails(ledgerCase: LedgerCase, ledger: Transitions): Promise<boolean> {
  for await (const { actual, expected } of play(modelUnderTest(ledger), ledgerCase)) {
    if (!isDeepStrictEqual(actual, expected)) return true;
  }
  return false;
}
