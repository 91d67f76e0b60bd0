import { formatPath } from '#core/config/problem.js';
import { formatSummary, summarizeConfig, type ConfigSummary } from '#core/config/summary.js';
import { resolveApplicationKeys } from './application-keys.js';
import { ConfigError, formatProblem, type ConfigProblem } from './config-error.js';
import type { DiscoveredService } from './discover.js';
import { readEnvironment } from './environment.js';
import { loadConfig, openToAll, type LoadedConfig, type LoadOptions } from './load-config.js';

/** What `spillway check` found. */
export interface CheckReport {
  /** False: neither api nor worker would start with this. */
  readonly ok: boolean;
  readonly problems: readonly ConfigProblem[];
  /** Only where there is no problem. */
  readonly summary?: ConfigSummary;
  /** Without a file: what to look for. */
  readonly services?: readonly DiscoveredService[];
  /** The report as text, one line each, without any secret: problems, or the summary and warnings. */
  readonly lines: readonly string[];
}

/**
 * Checks the configuration as api and worker would. What only one of them would refuse is no problem, only a warning:
 * it may run elsewhere, where the secret is set that is missing here.
 */
export function checkConfig(options: Omit<LoadOptions, 'for'> = {}): CheckReport {
  const environment = options.environment ?? readEnvironment();
  try {
    const loaded = loadConfig({ ...options, environment, for: 'check' });
    const summary = summarizeConfig(loaded.config, environment.variables);
    const warnings = warningsOf(loaded);
    return {
      ok: true,
      problems: [],
      summary,
      ...(loaded.source.kind === 'discovered' && { services: loaded.source.services }),
      lines: [...heading(loaded, warnings.length), ...formatSummary(summary), ...warnings],
    };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const count = error.problems.length;
    const lines = [...error.problems.map(formatProblem), `${count} ${count === 1 ? 'problem' : 'problems'}`];
    return { ok: false, problems: error.problems, lines };
  }
}

function heading({ source }: LoadedConfig, warnings: number): string[] {
  if (source.kind !== 'file') return ['no configuration file; what there is was looked for:'];
  const warned = warnings === 0 ? '' : `, ${warnings} ${warnings === 1 ? 'warning' : 'warnings'}`;
  return [`${source.name}: no problems${warned}`];
}

/** What would stop an api here, or any worker, though not the other. */
function warningsOf({ config, environment }: LoadedConfig): string[] {
  const { unusable } = resolveApplicationKeys(config, environment.variables);
  const ofApi = [...unusable, ...openToAll(config, environment)].map(
    ({ path, message }) => `warning: the api would not start here: ${formatPath(path)}: ${message}`,
  );
  if (Object.keys(config.providers).length > 0) return ofApi;
  return [...ofApi, 'warning: no worker would start with this: providers: there is none to serve'];
}
