import { pathKey, type ConfigPath, type PathProblem } from './problem.js';
import { parseTemplate, renderTemplate, type Env } from './template.js';

export interface Substituted {
  /** A copy of the tree with the variables' values in it; secrets are as they were. */
  readonly tree: unknown;
  readonly problems: readonly PathProblem[];
  /** `pathKey`s of the texts that hold a value from the environment: no message may quote them. */
  readonly fromEnvironment: ReadonlySet<string>;
}

/**
 * Replaces `${NAME}` and `${NAME:-default}` in every text of a parsed tree. Names of members are left alone, and so
 * are the texts at secret paths, of which only the form is checked.
 */
export function substitute(tree: unknown, env: Env, isSecret: (path: ConfigPath) => boolean): Substituted {
  const problems: PathProblem[] = [];
  const fromEnvironment = new Set<string>();

  function visit(node: unknown, path: ConfigPath): unknown {
    if (typeof node === 'string') return visitText(node, path);
    if (Array.isArray(node)) return node.map((item, index) => visit(item, [...path, index]));
    if (typeof node !== 'object' || node === null) return node;
    return Object.fromEntries(
      Object.entries(node).map(([name, value]) => {
        checkName(name, [...path, name]);
        return [name, visit(value, [...path, name])];
      }),
    );
  }

  function visitText(text: string, path: ConfigPath): string {
    const template = parseTemplate(text);
    if (!template.ok) {
      problems.push({ path, message: template.reason });
      return text;
    }
    if (isSecret(path)) return text;
    if (template.parts.some((part) => part.kind === 'variable')) fromEnvironment.add(pathKey(path));
    const rendered = renderTemplate(template.parts, env);
    if (rendered.ok) return rendered.value;
    for (const name of rendered.missing) {
      problems.push({
        path,
        message: `the environment variable ${name} is not set; set it, or write \${${name}:-default}`,
      });
    }
    return text;
  }

  function checkName(name: string, path: ConfigPath): void {
    if (name.includes('${')) problems.push({ path, message: 'variables are not replaced in names' });
    if (name === '<<') problems.push({ path, message: 'YAML 1.2 merges no maps; write the settings out' });
    // Records drop this name silently: what stands under it would be lost.
    if (name === '__proto__') problems.push({ path, message: 'this name cannot be used' });
  }

  return { tree: visit(tree, []), problems, fromEnvironment };
}
