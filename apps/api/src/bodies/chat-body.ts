import { ArrayNotEmpty, IsArray, IsInt, IsOptional, Max, Min } from 'class-validator';
import { EachPasses, isObject, StreamableBody } from './members.js';

/** What the broker needs of a chat completion request. */
export class ChatBody extends StreamableBody {
  @IsArray({ message: 'must be an array of messages' })
  @ArrayNotEmpty({ message: 'must hold at least one message' })
  @EachPasses(isObject, 'must be an object')
  messages!: Record<string, unknown>[];

  @IsOptional()
  @IsInt({ message: 'must be a whole number' })
  @Min(1, { message: 'must be at least 1' })
  @Max(128, { message: 'must be at most 128' })
  n?: number | null;
}
