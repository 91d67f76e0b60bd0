import type { Answers } from '#config/describe-services.js';
import type { DiscoveredService } from '#config/discover.js';
import { ollamaRoot } from '#core/config/ollama-kind.js';
import { presetOf } from '#core/config/presets.js';
import type { Env } from '#core/config/template.js';
import { shardOf } from '#core/ids.js';

/** For all of them together, ms: they are asked at once, and what runs on this machine answers in a few. */
const PROBE_MS = 500;

/** Asks the addresses where a model server may be what it offers. Never rejects. */
export async function probeServices(services: readonly DiscoveredService[], env: Env): Promise<Answers> {
  const signal = AbortSignal.timeout(PROBE_MS);
  const asked = services.map(async (service) => {
    if (service.by !== 'address') return [];
    const key = service.keyVariable && env[service.keyVariable]?.trim();
    const models = await listModels(listOf(service), key, signal).catch(() => []);
    return models.length > 0 ? [[service.name, models] as const] : [];
  });
  return new Map((await Promise.all(asked)).flat());
}

/** Where its models are listed. */
function listOf({ baseUrl, preset }: DiscoveredService & { readonly by: 'address' }): string {
  const root = baseUrl.replace(/\/+$/, '');
  return presetOf(preset).kind === 'ollama' ? `${ollamaRoot(root)}/api/tags` : `${root}/models`;
}

/** Empty where whoever answers is no model server: other programs use these ports, and so may another broker. */
async function listModels(url: string, key: string | undefined, signal: AbortSignal): Promise<string[]> {
  const response = await fetch(url, {
    headers: { accept: 'application/json', ...(key && { authorization: `Bearer ${key}` }) },
    redirect: 'manual',
    signal,
  });
  if (!response.ok || shardOf(response.headers.get('x-request-id') ?? '') !== undefined) return [];
  const body: unknown = await response.json();
  // Ollama has `{models: [{name}]}`, OpenAI `{data: [{id}]}`.
  const list = memberOf(body, 'models') ?? memberOf(body, 'data');
  if (!Array.isArray(list)) return [];
  return list.flatMap((item: unknown) => {
    const name = memberOf(item, 'name') ?? memberOf(item, 'id');
    return typeof name === 'string' ? [name] : [];
  });
}

function memberOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}
