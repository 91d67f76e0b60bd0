import { checkReferences } from './check-references.js';
import { expandPresets } from './expand-presets.js';
import { describeIssues, issueMessage } from './issues.js';
import { withOllamaConcurrency } from './ollama-concurrency.js';
import { pathKey, type ConfigPath, type PathProblem } from './problem.js';
import { configSchema, type Config } from './schema.js';
import { isSecretPath } from './secret.js';
import { substitute } from './substitute.js';
import type { Env } from './template.js';

/** A setting that the environment decides whatever the file says. */
export interface Override {
  /** Section and member. */
  readonly path: readonly [string, string];
  readonly value: string;
}

export type ParsedConfig =
  | { readonly ok: true; readonly config: Config }
  | {
      readonly ok: false;
      /** Every problem there is, in no order. */
      readonly problems: readonly PathProblem[];
      /** The sections that are right by themselves, so that what depends on them can be checked in the same run. */
      readonly sections: Partial<Config>;
    };

/**
 * Turns the tree of a parsed file into a configuration: presets written out, variables, then overrides, then the schema
 * and what refers to what. Pure; `env` is the only environment it sees.
 */
export function parseConfig(tree: unknown, env: Env, overrides: readonly Override[] = []): ParsedConfig {
  const expanded = expandPresets(withoutEmptySections(tree), env);
  const substituted = substitute(withOllamaConcurrency(expanded.tree, env), env, isSecretPath);
  const overridden = new Set(overrides.map((override) => pathKey(override.path)));
  const unset = substituted.problems.filter((problem) => !overridden.has(pathKey(problem.path)));
  const first = [...expanded.problems, ...unset];
  const whole = applyOverrides(substituted.tree, overrides);
  const parsed = configSchema.safeParse(whole, { error: issueMessage });
  const fromEnvironment = new Set([...substituted.fromEnvironment, ...overridden]);
  const found = [
    ...(parsed.success ? [] : describeIssues(parsed.error.issues)),
    ...checkReferences(whole, fromEnvironment),
  ];
  // A text whose variable is unset says nothing yet about the setting: one problem for it is enough.
  const blamed = new Set(first.map((problem) => pathKey(problem.path)));
  const problems = [...first, ...found.filter((problem) => !blamed.has(pathKey(problem.path)))];
  if (parsed.success && problems.length === 0) return { ok: true, config: parsed.data };
  return { ok: false, problems, sections: validSections(whole) };
}

function validSections(tree: unknown): Partial<Config> {
  if (typeof tree !== 'object' || tree === null) return {};
  return Object.fromEntries(
    Object.entries(configSchema.shape).flatMap(([name, schema]) => {
      const parsed = schema.safeParse(Reflect.get(tree, name));
      return parsed.success ? [[name, parsed.data]] : [];
    }),
  );
}

/** `models:` with everything under it commented out reads as null; it means what leaving it out means. */
function withoutEmptySections(tree: unknown): unknown {
  if (tree === null || tree === undefined) return {};
  if (typeof tree !== 'object' || Array.isArray(tree)) return tree;
  return Object.fromEntries(Object.entries(tree).filter(([, value]) => value !== null));
}

function applyOverrides(tree: unknown, overrides: readonly Override[]): unknown {
  return overrides.reduce((whole: unknown, { path, value }) => setMember(whole, path, value), tree);
}

/** Where the file has something else than a map on the way, that is the problem to report: it is left as it is. */
function setMember(tree: unknown, path: ConfigPath, value: string): unknown {
  const [name, ...rest] = path;
  if (name === undefined) return value;
  const map = tree ?? {};
  if (typeof map !== 'object' || Array.isArray(map)) return tree;
  const inner: unknown = Object.hasOwn(map, name) ? Reflect.get(map, name) : undefined;
  return { ...map, [name]: setMember(inner, rest, value) };
}
