import type { Endpoint } from '#core/endpoint.js';
import { ChatBody } from './chat-body.js';
import { CompletionBody } from './completion-body.js';
import { EmbeddingBody } from './embedding-body.js';
import { readMembers, readStreamable } from './members.js';
import { ModerationBody } from './moderation-body.js';
import { RerankBody } from './rerank-body.js';

/** What every request asks for, whatever its endpoint. */
export interface Asked {
  readonly model: string;
  readonly stream: boolean;
  /** The chunk with the usage is asked for, too. */
  readonly includeUsage: boolean;
}

/**
 * Checks a parsed body as its endpoint needs it.
 *
 * @throws {SpillwayError} `invalid_value` for the first member at fault, with its path in `param`
 */
export function readBody(endpoint: Endpoint, raw: Record<string, unknown>): Asked {
  switch (endpoint) {
    case 'chat':
      return toAsked(readStreamable(new ChatBody(), raw, ['messages', 'n']));
    case 'completions':
      return toAsked(readStreamable(new CompletionBody(), raw, ['prompt', 'n']));
    case 'embeddings':
      return whole(readMembers(new EmbeddingBody(), raw, ['input', 'encoding_format', 'dimensions']));
    case 'moderations':
      return whole(readMembers(new ModerationBody(), raw, ['input']));
    case 'rerank':
      return whole(readMembers(new RerankBody(), raw, ['query', 'documents']));
  }
}

function toAsked({ model, stream, stream_options: options }: ChatBody | CompletionBody): Asked {
  return { model, stream: stream === true, includeUsage: stream === true && options?.include_usage === true };
}

function whole({ model }: { readonly model: string }): Asked {
  return { model, stream: false, includeUsage: false };
}
