import type { Env } from './template.js';

/** Containers pass unset variables on as empty ones. */
export function readSet(env: Env, name: string): string | undefined {
  const value = Object.hasOwn(env, name) ? env[name]?.trim() : undefined;
  return value === '' ? undefined : value;
}
