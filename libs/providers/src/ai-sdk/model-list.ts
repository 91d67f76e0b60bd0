import { isRecord } from '../json.js';
import type { AiSdkAccount } from './sdk-models.js';

/** How a kind is asked for its models. */
export interface ModelListing {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** The names in the answer; undefined where it is none. */
  readonly read: (value: unknown) => readonly string[] | undefined;
}

/** Undefined for a kind whose models only the configuration knows. */
export function modelListing(account: AiSdkAccount): ModelListing | undefined {
  switch (account.kind) {
    case 'anthropic':
      return {
        path: '/models?limit=1000',
        headers: { 'x-api-key': account.apiKey, 'anthropic-version': '2023-06-01' },
        read: (value) => readNames(value, 'data', ({ id }) => id),
      };
    case 'gemini':
      return {
        path: '/models?pageSize=1000',
        headers: { 'x-goog-api-key': account.apiKey },
        read: (value) => readNames(value, 'models', readGeminiName),
      };
    case 'bedrock':
      return undefined;
  }
}

function readNames(
  value: unknown,
  member: string,
  nameOf: (item: Readonly<Record<string, unknown>>) => unknown,
): readonly string[] | undefined {
  const list = isRecord(value) ? value[member] : undefined;
  if (!Array.isArray(list)) return undefined;
  return list
    .filter(isRecord)
    .map(nameOf)
    .filter((name) => typeof name === 'string');
}

/** Only what can be asked of here: a list has models for video and speech, too. */
function readGeminiName({
  name,
  supportedGenerationMethods: methods,
}: Readonly<Record<string, unknown>>): unknown {
  const serves = (method: unknown) => method === 'generateContent' || method === 'embedContent';
  if (Array.isArray(methods) && !methods.some(serves)) return undefined;
  return typeof name === 'string' ? name.replace(/^models\//, '') : undefined;
}
