import type { JsonPath } from './json-path.js';

/** Something that is valid JSON and is not taken all the same: not every reader of it would read the same. */
export interface ValueFault {
  readonly path: JsonPath;
  readonly kind: 'number-out-of-range' | 'lone-surrogate' | 'lone-surrogate-in-name';
}

export interface ValueInspection {
  /** Names of members, over all levels; exact only where there is no fault. */
  readonly names: number;
  /** The first one. */
  readonly fault: ValueFault | undefined;
}

interface Walk {
  names: number;
}

/** A fault on its way out; each level puts its own part of the path in front. */
interface Found {
  readonly path: (string | number)[];
  readonly kind: ValueFault['kind'];
}

/**
 * Looks through what `JSON.parse` made of a text: for numbers that became infinite, and for text with half of a surrogate
 * pair, which has no UTF-8. Recursive: only for what is known not to be deep.
 */
export function inspectValue(value: unknown): ValueInspection {
  const walk: Walk = { names: 0 };
  const fault = inspect(value, walk);
  return { names: walk.names, fault };
}

function inspect(value: unknown, walk: Walk): Found | undefined {
  if (typeof value === 'string')
    return value.isWellFormed() ? undefined : { path: [], kind: 'lone-surrogate' };
  if (typeof value === 'number')
    return Number.isFinite(value) ? undefined : { path: [], kind: 'number-out-of-range' };
  if (typeof value !== 'object' || value === null) return undefined;
  return Array.isArray(value) ? inspectList(value, walk) : inspectMembers(value, walk);
}

function inspectList(list: readonly unknown[], walk: Walk): Found | undefined {
  for (let at = 0; at < list.length; at++) {
    const found = inspect(list[at], walk);
    if (found) return within(at, found);
  }
  return undefined;
}

function inspectMembers(object: object, walk: Walk): Found | undefined {
  const names = Object.keys(object);
  walk.names += names.length;
  for (const name of names) {
    if (!name.isWellFormed()) return { path: [name], kind: 'lone-surrogate-in-name' };
    const found = inspect((object as Record<string, unknown>)[name], walk);
    if (found) return within(name, found);
  }
  return undefined;
}

function within(part: string | number, { path, kind }: Found): Found {
  path.unshift(part);
  return { path, kind };
}
