import { z } from 'zod';
import type { Breaker, CoolDown, Health } from './health.js';

/** How health is stored: one hash, a breaker under the name of its provider, a cool-down under `provider/model`. */

const time = z.number().nonnegative();

const storedBreaker = z.object({
  v: z.literal(1).catch(1),
  faults: time,
  answeredAt: time,
  open: z
    .object({
      until: time,
      forMs: z.number().positive(),
      probe: z.object({ request: z.string(), until: time }).exactOptional(),
    })
    .exactOptional(),
});

const storedCoolDown = z.object({ v: z.literal(1).catch(1), until: time, nextMs: z.number().positive() });

/** The breaker in a field's text; undefined for none, and for one that only a newer version can read. */
export function readBreaker(text: string): Breaker | undefined {
  return read(storedBreaker, text);
}

/** The cool-down in a field's text; undefined as for breakers. */
export function readCoolDown(text: string): CoolDown | undefined {
  return read(storedCoolDown, text);
}

function read<Value>(schema: z.ZodType<Value>, text: string): Value | undefined {
  if (text === '') return undefined;
  try {
    return schema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

/** The hash, read whole. */
export function readHealth(fields: ReadonlyMap<string, string>, now: number): Health {
  const breakers = new Map<string, Breaker>();
  const coolDowns = new Map<string, CoolDown>();
  for (const [field, text] of fields) {
    // Provider names hold no slash.
    if (field.includes('/')) {
      const coolDown = readCoolDown(text);
      if (coolDown) coolDowns.set(field, coolDown);
    } else {
      const breaker = readBreaker(text);
      if (breaker) breakers.set(field, breaker);
    }
  }
  return { now, breakers, coolDowns };
}
