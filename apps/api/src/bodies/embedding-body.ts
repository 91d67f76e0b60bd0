import { IsIn, IsInt, IsOptional, Min } from 'class-validator';
import { InferenceBody, Passes } from './members.js';
import { isTextOrTokens } from './text-or-tokens.js';

/** What the broker needs of a request for embeddings. */
export class EmbeddingBody extends InferenceBody {
  @Passes(
    isInput,
    'must be a text that is not empty, a list of such, an array of token ids or an array of those',
  )
  input!: unknown;

  @IsOptional()
  @IsIn(['float', 'base64'], { message: "must be 'float' or 'base64'" })
  encoding_format?: 'float' | 'base64' | null;

  @IsOptional()
  @IsInt({ message: 'must be a whole number' })
  @Min(1, { message: 'must be at least 1' })
  dimensions?: number | null;
}

/** An empty text has no embedding. */
function isInput(value: unknown): boolean {
  return isTextOrTokens(value) && value !== '' && !(Array.isArray(value) && value.includes(''));
}
