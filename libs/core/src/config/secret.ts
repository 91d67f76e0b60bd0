import { parseTemplate, renderTemplate, type Env } from './template.js';

let textOf: (ref: SecretRef) => string;

/**
 * A secret as the configuration file has it: usually `${NAME}`, resolved only by the process that needs it. A class,
 * because only a private field keeps the text out of logs, JSON, error messages and `console.log` alike; what shows
 * is the names of its variables.
 */
export class SecretRef {
  readonly #text: string;

  static {
    textOf = (ref) => ref.#text;
  }

  constructor(text: string) {
    this.#text = text;
  }

  /** The variables that the secret is made of; empty where the file holds it as plain text. */
  get variables(): readonly string[] {
    const template = parseTemplate(this.#text);
    if (!template.ok) return [];
    return template.parts.flatMap((part) => (part.kind === 'variable' ? [part.name] : []));
  }

  toString(): string {
    return `[secret${this.variables.map((name) => ` $${name}`).join('')}]`;
  }

  toJSON(): string {
    return this.toString();
  }
}

export type ResolvedSecret =
  | { readonly kind: 'ok'; readonly value: string }
  /** `variable` is unset or empty; '' where the text in the file itself is empty. */
  | { readonly kind: 'missing'; readonly variable: string };

/**
 * Reads the secret from the environment. White space around it is dropped (files mounted as variables often end in a
 * newline, which no header can carry), and an empty result counts as missing: containers pass unset variables on as
 * empty ones.
 */
export function resolveSecret(ref: SecretRef, env: Env): ResolvedSecret {
  const template = parseTemplate(textOf(ref));
  if (!template.ok) return { kind: 'missing', variable: '' };
  for (const part of template.parts) {
    if (part.kind === 'text') continue;
    const rendered = renderTemplate([part], env);
    if (!rendered.ok || rendered.value.trim() === '') return { kind: 'missing', variable: part.name };
  }
  const rendered = renderTemplate(template.parts, env);
  const value = rendered.ok ? rendered.value.trim() : '';
  return value === '' ? { kind: 'missing', variable: ref.variables[0] ?? '' } : { kind: 'ok', value };
}

/** Settings of a provider that are secrets. */
const PROVIDER_SECRETS = ['apiKey', 'accessKeyId', 'secretAccessKey', 'sessionToken'];

/** Where the file holds secrets: these stay references when it is loaded. */
export function isSecretPath(path: readonly (string | number)[]): boolean {
  const [section, , field] = path;
  if (section === 'providers')
    return path.length === 3
      ? PROVIDER_SECRETS.includes(String(field))
      : path.length === 4 && field === 'headers';
  return section === 'applications' && path.length === 4 && field === 'apiKeys';
}
