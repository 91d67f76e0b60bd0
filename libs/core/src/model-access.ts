import { SpillwayError } from './errors.js';
import { showName } from './scrub.js';

/**
 * May whoever has this list ask for a model by this name? An entry is a name as callers write it, `<provider>/<model>`
 * included; `*` in it stands for any characters. No list: any name.
 */
export function mayUse(allowed: readonly string[] | undefined, model: string): boolean {
  return allowed === undefined || allowed.some((entry) => matches(entry, model));
}

/** @throws SpillwayError `model_not_allowed` for a name that the caller may not use, whether there is such a model or not */
export function refuseForeign(allowed: readonly string[] | undefined, model: string, param: string): void {
  if (!mayUse(allowed, model)) throw modelNotAllowed(model, param);
}

export function modelNotAllowed(model: string, param: string): SpillwayError {
  return new SpillwayError('model_not_allowed', { model: showName(model), param });
}

/** In time linear in the name for each `*`: names come from callers. */
function matches(entry: string, name: string): boolean {
  const [first = '', ...rest] = entry.split('*');
  const last = rest.pop();
  if (last === undefined) return name === entry;
  if (!name.startsWith(first)) return false;
  let at = first.length;
  for (const part of rest) {
    const found = name.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return name.length - last.length >= at && name.endsWith(last);
}
