import { delayCases } from './cases-delay.js';
import { endCases } from './cases-end.js';
import { frameCases } from './cases-frames.js';
import { keptCases } from './cases-kept.js';
import { moveCases } from './cases-moves.js';
import { startCases } from './cases-start.js';
import type { LedgerCase } from './steps.js';
import { usageCases } from './cases-usage.js';

/** Every rule of the ledger by example; each is played from nothing against the model and against Redis. */
export const ledgerCases: readonly LedgerCase[] = [
  ...startCases,
  ...frameCases,
  ...endCases,
  ...moveCases,
  ...delayCases,
  ...keptCases,
  ...usageCases,
];
