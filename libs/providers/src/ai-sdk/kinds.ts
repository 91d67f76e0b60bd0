/** The kinds of provider that are called through a package of the AI SDK. */
export type AiSdkKind = 'anthropic' | 'gemini' | 'bedrock';

/** How a kind differs from the others, as far as the translation has to know. */
export interface KindTraits {
  /** Its name in the AI SDK's options and metadata. */
  readonly namespace: 'anthropic' | 'google' | 'amazonBedrock';
  /** The content type of its streams. */
  readonly streamType: string;
  /** It fetches an image or a document behind an https URL itself. */
  readonly fetchesUrls: boolean;
  readonly audio: boolean;
  /** It has a mode for "any JSON object". The others are asked in words. */
  readonly jsonMode: boolean;
  /** The member of its metadata that signs a block. */
  readonly signature: 'signature' | 'thoughtSignature';
  /** The member that holds a block of thoughts that only the provider can read. */
  readonly encrypted?: 'redactedData' | 'redactedContent';
}

export const KINDS: Readonly<Record<AiSdkKind, KindTraits>> = {
  anthropic: {
    namespace: 'anthropic',
    streamType: 'text/event-stream',
    fetchesUrls: true,
    audio: false,
    jsonMode: false,
    signature: 'signature',
    encrypted: 'redactedData',
  },
  gemini: {
    namespace: 'google',
    streamType: 'text/event-stream',
    fetchesUrls: true,
    audio: true,
    jsonMode: true,
    signature: 'thoughtSignature',
  },
  bedrock: {
    namespace: 'amazonBedrock',
    streamType: 'application/vnd.amazon.eventstream',
    fetchesUrls: false,
    audio: false,
    jsonMode: false,
    signature: 'signature',
    encrypted: 'redactedContent',
  },
};

/** Is the model one of Anthropic's, wherever it runs? */
export function isClaude(kind: AiSdkKind, model: string): boolean {
  return kind === 'anthropic' || (kind === 'bedrock' && model.includes('anthropic'));
}

/**
 * Can the kind be called with this name of a model? Gemini's package puts it into the path as it is, where `..` or `?`
 * would lead the call, and the key with it, elsewhere: to a model that the caller may not use, or to none at all.
 */
export function isCallable(kind: AiSdkKind, model: string): boolean {
  return kind !== 'gemini' || model.split('/').every((part) => /^(?!\.{1,2}$)[\w.-]+$/.test(part));
}
