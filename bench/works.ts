import { runScenario, type Scenario } from './rounds.js';
import { fullScenarios, gateScenarios, quickScenarios } from './scenarios.js';
import { studies } from './studies/studies.js';
import type { Work } from './work.js';

export interface Plan {
  readonly name: string;
  readonly works: readonly Work[];
  readonly rounds: number;
  readonly windowMs: number;
  /** Time for windows that were disturbed to be measured again, ms. */
  readonly spareMs: number;
}

/** Kinds of run: `quick` is over within two minutes, `full` within twenty; so is a part of it. */
const sizes = {
  quick: { rounds: 5, windowMs: 1_500, spareMs: 15_000 },
  gate: { rounds: 5, windowMs: 2_000, spareMs: 30_000 },
  full: { rounds: 5, windowMs: 1_500, spareMs: 90_000 },
} as const;

/**
 * What is to be measured: `quick`, `gate`, `full`, or some of its parts by their names.
 *
 * @param without targets that are left out
 * @throws if there is no such thing; the message names all there are
 */
export function planRun(names: readonly string[], without: readonly string[]): Plan {
  const full: readonly Work[] = [...fullScenarios.map((scenario) => toWork(scenario, without)), ...studies];
  const [name = 'quick'] = names;
  if (name === 'full') return { name, works: full, ...sizes.full };
  if (name === 'quick' || name === 'gate') {
    const scenarios = name === 'quick' ? quickScenarios : gateScenarios;
    return { name, works: scenarios.map((scenario) => toWork(scenario, without)), ...sizes[name] };
  }
  const unknown = names.find((wanted) => full.every((work) => work.name !== wanted));
  if (unknown !== undefined) {
    const known = full.map((work) => work.name).join(', ');
    throw new RangeError(`There is no "${unknown}". There is quick, gate, full, and of full: ${known}.`);
  }
  return { name: names.join('+'), works: full.filter((work) => names.includes(work.name)), ...sizes.full };
}

function toWork(scenario: Scenario, without: readonly string[]): Work {
  const targets = scenario.targets.filter((target) => !without.includes(target));
  return {
    name: scenario.name,
    run: async (scene, options) => [await runScenario(scene, { ...scenario, targets }, options)],
  };
}
