import { IsInt, IsOptional, Max, Min } from 'class-validator';
import { Passes, StreamableBody } from './members.js';
import { isTextOrTokens } from './text-or-tokens.js';

/** What the broker needs of a request for a legacy completion. */
export class CompletionBody extends StreamableBody {
  @Passes(isTextOrTokens, 'must be a string, an array of strings, an array of token ids or an array of those')
  prompt!: unknown;

  @IsOptional()
  @IsInt({ message: 'must be a whole number' })
  @Min(1, { message: 'must be at least 1' })
  @Max(128, { message: 'must be at most 128' })
  n?: number | null;
}
