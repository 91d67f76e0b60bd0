/** Environment variables by name. Passed in, so that everything that depends on them stays pure. */
export type Env = Readonly<Record<string, string | undefined>>;

/** A piece of a text: literal, or a variable with the default after `:-`. */
export type TemplatePart =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'variable'; readonly name: string; readonly fallback?: string };

export type Template =
  | { readonly ok: true; readonly parts: readonly TemplatePart[] }
  /** `reason` names the mistake and never quotes the text, which may be a secret. */
  | { readonly ok: false; readonly reason: string };

const TOKEN = /\$\$\{|\$\{([^}]*)\}|\$\{/g;
const REFERENCE = /^([A-Za-z_][A-Za-z0-9_]*)(?::-([\s\S]*))?$/;

/**
 * Splits a text at its `${NAME}` and `${NAME:-default}`; `$${` is a literal `${`, and any other `$` is itself.
 * A default may hold anything but `}` and `${`: nesting would be read differently here and in a shell, so it is refused.
 */
export function parseTemplate(text: string): Template {
  const parts: TemplatePart[] = [];
  let end = 0;
  for (const match of text.matchAll(TOKEN)) {
    if (match.index > end) parts.push({ kind: 'text', text: text.slice(end, match.index) });
    end = match.index + match[0].length;
    if (match[0] === '$${') {
      parts.push({ kind: 'text', text: '${' });
      continue;
    }
    const part = parseReference(match[1]);
    if (typeof part === 'string') return { ok: false, reason: part };
    parts.push(part);
  }
  if (end < text.length) parts.push({ kind: 'text', text: text.slice(end) });
  return { ok: true, parts };
}

function parseReference(inside: string | undefined): TemplatePart | string {
  if (inside === undefined) return '"${" has no closing "}"; write "$${" for a literal "${"';
  const match = REFERENCE.exec(inside);
  const name = match?.[1];
  if (name === undefined) return 'write ${NAME} or ${NAME:-default}; NAME is letters, digits and "_"';
  const fallback = match?.[2];
  if (fallback === undefined) return { kind: 'variable', name };
  if (fallback.includes('${')) return 'a default may not hold another "${"';
  return { kind: 'variable', name, fallback };
}

/**
 * Puts the variables' values in. A default stands in for a variable that is unset or empty, as in a shell; an empty
 * variable without a default is an empty text. Values are not looked into again.
 */
export function renderTemplate(
  parts: readonly TemplatePart[],
  env: Env,
):
  | { readonly ok: true; readonly value: string }
  | { readonly ok: false; readonly missing: readonly string[] } {
  const missing: string[] = [];
  const texts = parts.map((part) => {
    if (part.kind === 'text') return part.text;
    const value = readVariable(env, part.name);
    if (part.fallback !== undefined) return value === undefined || value === '' ? part.fallback : value;
    if (value === undefined) missing.push(part.name);
    return value ?? '';
  });
  return missing.length === 0
    ? { ok: true, value: texts.join('') }
    : { ok: false, missing: [...new Set(missing)] };
}

/** Own members only: `${constructor}` must be unset, not a function of the object's prototype. */
function readVariable(env: Env, name: string): string | undefined {
  return Object.hasOwn(env, name) ? env[name] : undefined;
}
