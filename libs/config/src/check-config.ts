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
  /** The report as text, one line each, without any secret: problems, or the summary and what is not set here. */
  readonly lines: readonly string[];
}

/**
 * Checks the configuration as api and worker would. Secrets that are not set here are no problem, only noted: the
 * process that needs them may run elsewhere.
 */
export function checkConfig(options: Omit<LoadOptions, 'for'> = {}): CheckReport {
  const environment = options.environment ?? readEnvironment();
  try {
    const loaded = loadConfig({ ...options, environment, for: 'check' });
    const summary = summarizeConfig(loaded.config, environment.variables);
    return {
      ok: true,
      problems: [],
      summary,
      ...(loaded.source.kind === 'discovered' && { services: loaded.source.services }),
      lines: [...heading(loaded), ...formatSummary(summary), ...notes(loaded)],
    };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const count = error.problems.length;
    const lines = [...error.problems.map(formatProblem), `${count} ${count === 1 ? 'problem' : 'problems'}`];
    return { ok: false, problems: error.problems, lines };
  }
}

function heading({ source }: LoadedConfig): string[] {
  if (source.kind === 'file') return [`${source.name}: no problems`];
  return ['no configuration file; what there is was looked for:'];
}

/** What would stop an api here, though not a worker or an api elsewhere. */
function notes({ config, environment }: LoadedConfig): string[] {
  const { unusable } = resolveApplicationKeys(config, environment.variables);
  return [...unusable, ...openToAll(config, environment)].map(
    ({ path, message }) => `note: the api would not start here: ${formatPath(path)}: ${message}`,
  );
}
