/** Members and list positions from the top of the file: `['models', 'llama3.2', 'targets', 0, 'provider']`. */
export type ConfigPath = readonly (string | number)[];

/** One thing wrong. The message says what is wrong and what to do, and never quotes a value from the environment. */
export interface PathProblem {
  readonly path: ConfigPath;
  readonly message: string;
}

/** `models.llama3.2.targets[0].provider`; names with other characters are quoted: `models["a b"]`. */
export function formatPath(path: ConfigPath): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`;
    else if (!/^[\w.:/@-]+$/.test(step)) text += `[${JSON.stringify(step)}]`;
    else text += text === '' ? step : `.${step}`;
  }
  return text;
}

/** Two paths are the same place if their keys are equal; the printed form is not unique (`a.b` may be one name). */
export function pathKey(path: ConfigPath): string {
  return JSON.stringify(path);
}
