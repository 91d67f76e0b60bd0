import { EachPasses, InferenceBody, isObject, Passes } from './members.js';

/** What the broker needs of a request for a moderation. */
export class ModerationBody extends InferenceBody {
  /** As OpenAI has it, where none is named. */
  override model = 'omni-moderation-latest';

  @Passes(isTextOrList, 'must be a string or an array of strings or of content parts')
  @EachPasses(isTextOrPart, 'must be a string or a content part')
  input!: unknown;
}

function isTextOrList(value: unknown): boolean {
  return typeof value === 'string' || (Array.isArray(value) && value.length > 0);
}

function isTextOrPart(value: unknown): boolean {
  return typeof value === 'string' || isObject(value);
}
