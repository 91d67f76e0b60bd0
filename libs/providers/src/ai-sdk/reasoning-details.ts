import { isRecord } from '../json.js';
import { isClaude, KINDS, type AiSdkKind } from './kinds.js';

/**
 * A block of thoughts as clients get it and send it back. `reasoning.text` is readable, and signed; of a
 * `reasoning.encrypted` one only the provider can read `data`. With an `id` it belongs to the tool call of that id.
 */
export interface ReasoningDetail {
  readonly type: 'reasoning.text' | 'reasoning.encrypted';
  readonly text?: string;
  readonly signature?: string;
  readonly data?: string;
  readonly id?: string;
  /** Whose signature it is: a block means nothing to another provider, which gets none of it. */
  readonly format: string;
  readonly index: number;
}

/** What the AI SDK knows a part by: `{anthropic: {signature}}`. */
type Metadata = Record<string, Record<string, string>>;

/** The name of the provider's signatures; those of Claude are the same wherever it runs, its encrypted blocks are not. */
function formatOf(type: ReasoningDetail['type'], { kind, model }: Served): string {
  if (kind === 'gemini') return 'google-gemini-v1';
  const isClaudes = kind === 'anthropic' || (type === 'reasoning.text' && isClaude(kind, model));
  return isClaudes ? 'anthropic-claude-v1' : 'amazon-bedrock-v1';
}

/** What answers. */
export interface Served {
  readonly kind: AiSdkKind;
  /** The upstream's name of the model. */
  readonly model: string;
}

export interface Seals {
  readonly signature?: string;
  readonly encrypted?: string;
}

/** What signs a part, or stands in its place. */
export function readSeals(kind: AiSdkKind, metadata: unknown): Seals {
  const { namespace, signature, encrypted } = KINDS[kind];
  const own = isRecord(metadata) ? metadata[namespace] : undefined;
  if (!isRecord(own)) return {};
  const signed = own[signature];
  const data = encrypted && (own[encrypted] ?? own['redactedData']);
  return {
    ...(typeof signed === 'string' && signed !== '' && { signature: signed }),
    ...(typeof data === 'string' && data !== '' && { encrypted: data }),
  };
}

/** A block as a detail; undefined for one that nothing signs, as its text has already been said. */
export function toDetail(
  { signature, encrypted }: Seals,
  served: Served,
  { text, ...place }: { text: string; index: number; id?: string },
): ReasoningDetail | undefined {
  if (encrypted !== undefined) {
    const type = 'reasoning.encrypted';
    return { type, data: encrypted, format: formatOf(type, served), ...place };
  }
  if (signature === undefined) return undefined;
  return { type: 'reasoning.text', text, signature, format: formatOf('reasoning.text', served), ...place };
}

/** The details of an assistant's message that this provider can read, in their order. */
export function readDetails(value: unknown, served: Served): readonly WrittenDetail[] {
  if (!Array.isArray(value)) return [];
  return value
    .filter(isRecord)
    .map((detail, index) => ({ index, ...detail }) as WrittenDetail)
    .filter(isReadable)
    .filter(({ type, format }) => format === undefined || format === formatOf(type, served))
    .toSorted((one, other) => one.index - other.index);
}

/** As a client sends it back; one that leaves out the format means ours. */
type WrittenDetail = Omit<ReasoningDetail, 'format'> & Partial<Pick<ReasoningDetail, 'format'>>;

function isReadable({ type, text, signature, data, index }: WrittenDetail): boolean {
  if (typeof index !== 'number') return false;
  if (type === 'reasoning.encrypted') return typeof data === 'string';
  return type === 'reasoning.text' && typeof text === 'string' && typeof signature === 'string';
}

/** The provider's own block for a part of the prompt. */
export function toMetadata(kind: AiSdkKind, { type, signature, data }: WrittenDetail): Metadata {
  const { namespace, signature: signed, encrypted } = KINDS[kind];
  const sealed = type === 'reasoning.encrypted' ? data : signature;
  const name = type === 'reasoning.encrypted' && encrypted ? encrypted : signed;
  return { [namespace]: { [name]: sealed ?? '' } };
}
