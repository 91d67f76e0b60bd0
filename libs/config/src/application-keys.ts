import { createHash } from 'node:crypto';
import type { PathProblem } from '#core/config/problem.js';
import type { Config } from '#core/config/schema.js';
import { resolveSecret } from '#core/config/secret.js';
import type { Env } from '#core/config/template.js';

/** A key of an application by its hash; the key itself is not kept. */
export interface ApplicationKey {
  readonly application: string;
  /** `hashKey` of the key. */
  readonly keyHash: string;
}

export interface ResolvedKeys {
  readonly keys: readonly ApplicationKey[];
  /** Keys that are unset, empty, or that no client could send. */
  readonly unusable: readonly PathProblem[];
  /** Keys that two applications share: whose request would it be? */
  readonly ambiguous: readonly PathProblem[];
}

/** SHA-256 in hex: how keys are kept and looked up. Keys are random, so a slow hash would only cost time. */
export function hashKey(key: string): string {
  return createHash('sha256').update(key).digest('hex');
}

/** Resolves the keys of every application; those of providers are not looked at. */
export function resolveApplicationKeys(config: Pick<Config, 'applications'>, env: Env): ResolvedKeys {
  const owners = new Map<string, string>();
  const unusable: PathProblem[] = [];
  const ambiguous: PathProblem[] = [];
  for (const [application, { apiKeys }] of Object.entries(config.applications)) {
    for (const [index, ref] of apiKeys.entries()) {
      const path = ['applications', application, 'apiKeys', index];
      const resolved = resolveSecret(ref, env);
      if (resolved.kind === 'missing') {
        unusable.push({ path, message: missingMessage(resolved.variable) });
        continue;
      }
      if (!/^[!-~]+$/.test(resolved.value)) {
        unusable.push({
          path,
          message: 'a key is printable ASCII without spaces; no client could send this one',
        });
        continue;
      }
      const keyHash = hashKey(resolved.value);
      const owner = owners.get(keyHash);
      if (owner !== undefined && owner !== application) {
        ambiguous.push({
          path,
          message: `application "${owner}" has the same key; give each application its own`,
        });
      } else owners.set(keyHash, application);
    }
  }
  return {
    keys: [...owners].map(([keyHash, application]) => ({ application, keyHash })),
    unusable,
    ambiguous,
  };
}

function missingMessage(variable: string): string {
  if (variable === '') return 'the key is empty; every request without a key would match it';
  return `the environment variable ${variable} is not set or empty; set it, or remove this key`;
}
