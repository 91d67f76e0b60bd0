import type { ModelRequest, ModelState, Step } from '../model-state.js';
import type { SettingName } from './settings.js';
import { wholeModel, type Transitions } from './world.js';

/** A ledger without one of its guards, and what the search must find with it. */
export interface BrokenLedger {
  readonly name: string;
  readonly without: Partial<Transitions>;
  readonly setting: SettingName;
  readonly promise: RegExp;
}

/** Shows a transition another state than there is; where it changes nothing, nothing has changed. */
export function pretending<R>(
  state: ModelState,
  change: Partial<ModelRequest>,
  run: (state: ModelState) => Step<R>,
): Step<R> {
  if (state === null) return run(null);
  const pretended = { ...state, ...change };
  const [after, reply] = run(pretended);
  return [after === pretended ? state : after, reply];
}

export function claimPretending(
  state: ModelState,
  now: number,
  args: Parameters<Transitions['claim']>[2],
  change: Partial<ModelRequest>,
): ReturnType<Transitions['claim']> {
  return pretending(state, change, (pretended) => wholeModel.claim(pretended, now, args));
}
