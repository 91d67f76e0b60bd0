import type { Answers } from '#config/describe-services.js';
import type { DiscoveredService } from '#config/discover.js';
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
    const models = await listModels(service.baseUrl, key, signal).catch(() => []);
    return models.length > 0 ? [[service.name, models] as const] : [];
  });
  return new Map((await Promise.all(asked)).flat());
}

/** Empty where whoever answers is no model server: other programs use these ports, and so may another broker. */
async function listModels(baseUrl: string, key: string | undefined, signal: AbortSignal): Promise<string[]> {
  const response = await fetch(`${baseUrl.replace(/\/+$/, '')}/models`, {
    headers: { accept: 'application/json', ...(key && { authorization: `Bearer ${key}` }) },
    redirect: 'manual',
    signal,
  });
  if (!response.ok || shardOf(response.headers.get('x-request-id') ?? '') !== undefined) return [];
  const body: unknown = await response.json();
  const list = typeof body === 'object' && body !== null && 'data' in body ? body.data : undefined;
  if (!Array.isArray(list)) return [];
  return list.flatMap((item: unknown) => {
    const isNamed = typeof item === 'object' && item !== null && 'id' in item && typeof item.id === 'string';
    return isNamed ? [String(item.id)] : [];
  });
}
