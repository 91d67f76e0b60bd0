import type { Config } from '#core/config/schema.js';
import { resolveSecret } from '#core/config/secret.js';
import type { Env } from '#core/config/template.js';

/** The key that an example is to be sent with, which is never printed. */
export interface ExampleKey {
  readonly value: string;
  /** The shell variable that stands for it. */
  readonly variable: string;
  /** What to do before the example works; absent where the shell has the variable. */
  readonly hint?: string;
}

/** The variable of `./spillway chat`. */
const OWN_VARIABLE = 'SPILLWAY_API_KEY';

/**
 * A key of the first application. Undefined where none is needed, or none is set here.
 *
 * @param shellHas does the shell that started us have this variable? One of `.env` it has not.
 */
export function exampleKey(
  { applications }: Pick<Config, 'applications'>,
  env: Env,
  shellHas: (name: string) => boolean,
): ExampleKey | undefined {
  const [[application, first] = []] = Object.entries(applications).map(
    ([name, { apiKeys }]) => [name, apiKeys[0]] as const,
  );
  const key = first && resolveSecret(first, env);
  if (key?.kind !== 'ok') return undefined;
  const { value } = key;
  const [named] = first?.variables ?? [];
  if (named !== undefined && env[named]?.trim() === value) {
    if (shellHas(named)) return { value, variable: named };
    return { value, variable: named, hint: `${named} is set in .env; first: set -a; . ./.env; set +a` };
  }
  if (env[OWN_VARIABLE]?.trim() === value && shellHas(OWN_VARIABLE)) return { value, variable: OWN_VARIABLE };
  const hint = `first set ${OWN_VARIABLE} to a key of the application "${application}"`;
  return { value, variable: OWN_VARIABLE, hint };
}
