import { CHAT_ANSWERS } from './schemas/chat-answer.js';
import { CHAT_MESSAGES } from './schemas/chat-message.js';
import { CHAT_REQUEST } from './schemas/chat-request.js';
import { COMMON } from './schemas/common.js';
import { COMPLETIONS } from './schemas/completion.js';
import { EMBEDDINGS } from './schemas/embedding.js';
import { RANKINGS } from './schemas/ranking.js';
import { REQUEST_STATES } from './schemas/request-state.js';

/** Every schema of the document, by its name there. */
export const SCHEMAS = {
  ...CHAT_REQUEST,
  ...CHAT_MESSAGES,
  ...CHAT_ANSWERS,
  ...COMPLETIONS,
  ...EMBEDDINGS,
  ...RANKINGS,
  ...COMMON,
  ...REQUEST_STATES,
};

export type SchemaName = keyof typeof SCHEMAS;
