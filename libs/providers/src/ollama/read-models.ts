import { isRecord } from '../json.js';

export interface ListedModel {
  readonly name: string;
  /** Only its name is here: calls are passed on to another host. */
  readonly isRemote: boolean;
}

/** The models of `/api/tags` or `/api/ps`; undefined for anything else. */
export function readModels(value: unknown): readonly ListedModel[] | undefined {
  const list = isRecord(value) ? value['models'] : undefined;
  // An Ollama without models says null.
  if (list === null) return [];
  if (!Array.isArray(list)) return undefined;
  return list.filter(isRecord).flatMap(({ name, model, remote_host: host }) => {
    const known = name ?? model;
    return typeof known === 'string'
      ? [{ name: known, isRemote: typeof host === 'string' && host !== '' }]
      : [];
  });
}
