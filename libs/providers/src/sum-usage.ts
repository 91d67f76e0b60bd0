import { isRecord } from './json.js';

/**
 * What several calls report as `usage`, added up: each count, and those within its details. Undefined where none of them
 * reports any.
 */
export function sumUsage(usages: readonly unknown[]): Record<string, unknown> | undefined {
  const given = usages.filter(isRecord);
  if (given.length === 0) return undefined;
  const sum: Record<string, unknown> = {};
  for (const [name, value] of given.flatMap((usage) => Object.entries(usage))) {
    const before = sum[name];
    if (typeof value === 'number') sum[name] = (typeof before === 'number' ? before : 0) + value;
    else if (isRecord(value)) sum[name] = sumUsage([before, value]);
    else sum[name] ??= value;
  }
  return sum;
}
