import { InferenceBody, Passes } from './members.js';

/** What the broker needs of a request for a moderation. */
export class ModerationBody extends InferenceBody {
  /** As OpenAI has it, where none is named. */
  override model = 'omni-moderation-latest';

  @Passes(isInput, 'must be a string or an array of strings or of content parts')
  input!: unknown;
}

function isInput(value: unknown): boolean {
  if (typeof value === 'string') return true;
  if (!Array.isArray(value) || value.length === 0) return false;
  return value.every((item) => typeof item === 'string' || (typeof item === 'object' && item !== null));
}
