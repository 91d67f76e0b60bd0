/** One thing wrong with the configuration, and where. */
export interface ConfigProblem {
  /** The file as it was named, `environment` for a variable, or `configuration` where there is no file. */
  readonly source: string;
  /** `models.llama3.2.targets[0].provider`, or the variable's name; '' for the whole. */
  readonly path: string;
  /** From 1; absent where the file has no such place. */
  readonly line?: number;
  readonly column?: number;
  /** What is wrong and what to do. Never holds a secret. */
  readonly message: string;
}

/** Why a process cannot start: every problem at once, one per line of the message. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  constructor(readonly problems: readonly ConfigProblem[]) {
    super(problems.map(formatProblem).join('\n'));
  }
}

/** `spillway.yaml:12: models.llama3.2.targets[0].provider: there is no provider "gpubox"; did you mean "gpu-box"?` */
export function formatProblem({ source, path, line, message }: ConfigProblem): string {
  const place = line === undefined ? source : `${source}:${line}`;
  return [place, ...(path === '' ? [] : [path]), message].join(': ');
}
