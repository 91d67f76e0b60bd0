import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { ConfigProblem } from './config-error.js';
import { discoverConfig, type DiscoveredService } from './discover.js';
import type { Environment } from './environment.js';
import { readYaml, type YamlFile } from './read-yaml.js';

/** Where a configuration came from. */
export type ConfigSource =
  | { readonly kind: 'file'; readonly name: string; readonly path: string }
  /** There was no file: these services are looked for. */
  | { readonly kind: 'discovered'; readonly name: string; readonly services: readonly DiscoveredService[] };

export interface OpenedSource {
  readonly source: ConfigSource;
  readonly tree: unknown;
  readonly locate: YamlFile['locate'];
  readonly problems: readonly ConfigProblem[];
}

const DEFAULT_FILE = 'spillway.yaml';

/**
 * Reads the configuration file: the one asked for, which must exist; else `spillway.yaml` in the directory; else what
 * can be discovered.
 */
export function openSource(environment: Environment, directory: string, path?: string): OpenedSource {
  const asked = path ?? environment.configPath;
  const file = resolve(directory, asked ?? DEFAULT_FILE);
  const source: ConfigSource = { kind: 'file', name: asked ?? DEFAULT_FILE, path: file };
  const read = readText(file);
  if (read.kind === 'absent' && asked === undefined) return discovered(environment);
  if (read.kind !== 'ok') {
    const subject =
      path === undefined && asked !== undefined ? 'SPILLWAY_CONFIG names this file; it' : 'this file';
    const message = `${subject} ${read.kind === 'absent' ? `does not exist (${file})` : read.reason}`;
    return unusable(source, { source: source.name, path: '', message });
  }
  const { tree, locate, problems } = readYaml(read.text);
  return { source, tree, locate, problems: problems.map((problem) => ({ source: source.name, ...problem })) };
}

function discovered(environment: Environment): OpenedSource {
  const { tree, services } = discoverConfig(environment);
  return {
    source: { kind: 'discovered', name: 'configuration', services },
    tree,
    locate: () => undefined,
    problems: [],
  };
}

function unusable(source: ConfigSource, problem: ConfigProblem): OpenedSource {
  return { source, tree: undefined, locate: () => undefined, problems: [problem] };
}

type ReadText =
  | { readonly kind: 'ok'; readonly text: string }
  | { readonly kind: 'absent' }
  | { readonly kind: 'unreadable'; readonly reason: string };

function readText(file: string): ReadText {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    const code =
      typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : 'unknown error';
    if (code === 'ENOENT' || code === 'ENOTDIR') return { kind: 'absent' };
    return { kind: 'unreadable', reason: code === 'EISDIR' ? 'is a directory' : `cannot be read (${code})` };
  }
  try {
    return { kind: 'ok', text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) };
  } catch {
    return { kind: 'unreadable', reason: 'is not UTF-8 text' };
  }
}
