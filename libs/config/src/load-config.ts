import { isLoopback } from '#core/config/loopback.js';
import { parseConfig, type Override } from '#core/config/parse-config.js';
import { formatPath, pathKey, type PathProblem } from '#core/config/problem.js';
import type { Config } from '#core/config/schema.js';
import { didYouMean } from '#core/config/suggest.js';
import { resolveApplicationKeys, type ApplicationKey } from './application-keys.js';
import { ConfigError, type ConfigProblem } from './config-error.js';
import { readEnvironment, type Environment } from './environment.js';
import { openSource, type ConfigSource } from './open-source.js';

export interface LoadOptions {
  /** What the configuration is for: each process checks what it needs and resolves only its own secrets. */
  readonly for: 'api' | 'worker' | 'check';
  /** The file, from the command line; wins over SPILLWAY_CONFIG. */
  readonly path?: string;
  /** `--provider` of the command line; wins over SPILLWAY_WORKER_PROVIDERS. */
  readonly workerProviders?: readonly string[];
  /** Default: this process's own. */
  readonly environment?: Environment;
  /** What relative paths start from. Default: the working directory. */
  readonly directory?: string;
}

export interface LoadedConfig {
  readonly config: Config;
  readonly source: ConfigSource;
  readonly environment: Environment;
  /** The providers that a worker with these options serves: names of `config.providers`. */
  readonly workerProviders: readonly string[];
  /** The applications' keys; empty but for the api, and for an api that needs none. */
  readonly applicationKeys: readonly ApplicationKey[];
}

/**
 * Reads and checks the whole configuration.
 *
 * @throws ConfigError with every problem that there is, if there is any.
 */
export function loadConfig(options: LoadOptions): LoadedConfig {
  const environment = options.environment ?? readEnvironment();
  const opened = openSource(environment, options.directory ?? process.cwd(), options.path);
  if (opened.problems.length > 0) throw new ConfigError(opened.problems);
  const overrides = overridesOf(environment);
  const parsed = parseConfig(opened.tree, environment.variables, overrides);
  const sections = parsed.ok ? parsed.config : parsed.sections;
  const found = parsed.ok ? [] : parsed.problems;
  const blamed = new Set(found.map(({ path }) => pathKey(path)));
  const keys = options.for === 'worker' ? NO_KEYS : resolveKeys(sections, environment);
  const further = [
    ...(options.for === 'api' ? [...keys.unusable, ...openToAll(sections, environment)] : []),
    ...keys.ambiguous,
  ].filter(({ path }) => !blamed.has(pathKey(path)));
  const problems = [
    ...[...found, ...further].map((problem) => placeProblem(problem, opened, overrides)),
    ...(options.for === 'api' ? [] : workerProblems(sections, options, environment, opened.source)),
  ];
  if (!parsed.ok || problems.length > 0) throw new ConfigError(sortByLine(problems));
  return {
    config: parsed.config,
    source: opened.source,
    environment,
    workerProviders: requestedProviders(options, environment) ?? Object.keys(parsed.config.providers),
    applicationKeys: options.for === 'api' ? keys.keys : [],
  };
}

const NO_KEYS: ReturnType<typeof resolveApplicationKeys> = { keys: [], unusable: [], ambiguous: [] };

function resolveKeys({ applications }: Partial<Config>, environment: Environment): typeof NO_KEYS {
  return applications ? resolveApplicationKeys({ applications }, environment.variables) : NO_KEYS;
}

interface VariableOverride extends Override {
  readonly variable: string;
}

function overridesOf({ host, port, redisUrl }: Environment): VariableOverride[] {
  return [
    ...(host === undefined ? [] : [{ variable: 'HOST', path: ['server', 'host'] as const, value: host }]),
    ...(port === undefined ? [] : [{ variable: 'PORT', path: ['server', 'port'] as const, value: port }]),
    ...(redisUrl === undefined
      ? []
      : [{ variable: 'REDIS_URL', path: ['redis', 'url'] as const, value: redisUrl }]),
  ];
}

/** Without applications anyone who reaches the api may use it, and what it costs. */
export function openToAll(
  { applications, server }: Partial<Config>,
  { allowNoAuth }: Environment,
): PathProblem[] {
  if (!applications || !server || allowNoAuth) return [];
  if (Object.keys(applications).length > 0 || isLoopback(server.host)) return [];
  const message =
    'without applications any key is accepted, so only loopback (127.0.0.1) may be bound; add an application, or set SPILLWAY_ALLOW_NO_AUTH=1';
  return [{ path: ['server', 'host'], message }];
}

function requestedProviders(options: LoadOptions, environment: Environment): readonly string[] | undefined {
  const requested = options.workerProviders ?? environment.workerProviders;
  return requested && requested.length > 0 ? [...new Set(requested)] : undefined;
}

function workerProblems(
  { providers }: Partial<Config>,
  options: LoadOptions,
  environment: Environment,
  source: ConfigSource,
): ConfigProblem[] {
  if (!providers) return [];
  const known = Object.keys(providers);
  if (known.length === 0 && options.for === 'worker') {
    return [
      { source: source.name, path: 'providers', message: 'a worker needs at least one provider to serve' },
    ];
  }
  const place =
    options.workerProviders && options.workerProviders.length > 0
      ? { source: 'command line', path: '--provider' }
      : { source: 'environment', path: 'SPILLWAY_WORKER_PROVIDERS' };
  return (requestedProviders(options, environment) ?? [])
    .filter((name) => !known.includes(name))
    .map((name) => {
      const hint = didYouMean(name, known);
      const message = `there is no provider ${JSON.stringify(name)}${hint === '' ? `; the known ones are ${known.join(', ')}` : hint}`;
      return { ...place, message };
    });
}

/** A problem of an overridden setting is the variable's; any other has its line in the file. */
function placeProblem(
  { path, message }: PathProblem,
  { source, locate }: Pick<ReturnType<typeof openSource>, 'source' | 'locate'>,
  overrides: readonly VariableOverride[],
): ConfigProblem {
  const override = overrides.find((each) => pathKey(each.path) === pathKey(path));
  if (override) return { source: 'environment', path: override.variable, message };
  return { source: source.name, path: formatPath(path), ...locate(path), message };
}

function sortByLine(problems: readonly ConfigProblem[]): ConfigProblem[] {
  return problems.toSorted(
    (a, b) => (a.line ?? Infinity) - (b.line ?? Infinity) || (a.column ?? 0) - (b.column ?? 0),
  );
}
