import {
  ArrayNotEmpty,
  IsArray,
  IsBoolean,
  IsInt,
  IsNotEmpty,
  IsObject,
  IsOptional,
  IsString,
  Matches,
  Max,
  MaxLength,
  Min,
  ValidateNested,
  validateSync,
} from 'class-validator';
import type { ValidationError } from 'class-validator';
import { SpillwayError } from '#core/errors.js';

/** Longest model name, in characters: it comes back in a header, and clients take 16 KiB of headers. */
const MODEL_MAX_CHARS = 512;
/** No half of a surrogate pair, which is no text: Redis would refuse the plan, and no upstream has such a model. */
const WELL_FORMED = /^\P{Cs}*$/u;

class StreamOptions {
  @IsOptional()
  @IsBoolean({ message: 'must be a boolean' })
  include_usage?: boolean | null;

  constructor(raw: Record<string, unknown>) {
    Object.assign(this, pick(raw, ['include_usage']));
  }
}

/**
 * What the broker itself needs of a chat completion request. Everything else is the provider's to judge: the bytes of
 * the body pass through untouched.
 */
export class ChatRequest {
  @IsString({ message: 'must be a string' })
  @IsNotEmpty({ message: 'must not be empty' })
  @MaxLength(MODEL_MAX_CHARS, { message: `must be at most ${MODEL_MAX_CHARS} characters long` })
  @Matches(WELL_FORMED, { message: 'must be well-formed Unicode' })
  model!: string;

  @IsArray({ message: 'must be an array of messages' })
  @ArrayNotEmpty({ message: 'must hold at least one message' })
  @IsObject({ each: true, message: 'must hold objects only' })
  messages!: Record<string, unknown>[];

  @IsOptional()
  @IsBoolean({ message: 'must be a boolean' })
  stream?: boolean | null;

  @IsOptional()
  @IsObject({ message: 'must be an object' })
  @ValidateNested({ message: 'must be an object' })
  stream_options?: StreamOptions | null;

  @IsOptional()
  @IsInt({ message: 'must be a whole number' })
  @Min(1, { message: 'must be at least 1' })
  @Max(128, { message: 'must be at most 128' })
  n?: number | null;

  constructor(raw: Record<string, unknown>) {
    Object.assign(this, pick(raw, ['model', 'messages', 'stream', 'stream_options', 'n']));
    const options: unknown = this.stream_options;
    if (isObject(options)) this.stream_options = new StreamOptions(options);
  }
}

/**
 * Checks a parsed body. Throws `invalid_value` for the first member at fault, with its path in `param`; the message
 * never quotes a value.
 */
export function readChatRequest(body: Record<string, unknown>): ChatRequest {
  const request = new ChatRequest(body);
  const [error] = validateSync(request, { stopAtFirstError: true });
  if (error) throw toSpillwayError(error, '');
  return request;
}

function toSpillwayError(error: ValidationError, parent: string): SpillwayError {
  const param = parent + error.property;
  const [complaint] = Object.values(error.constraints ?? {});
  const [child] = error.children ?? [];
  if (complaint === undefined && child) return toSpillwayError(child, `${param}.`);
  return new SpillwayError('invalid_value', {
    param,
    reason: `\`${param}\` ${complaint ?? 'is not valid'}.`,
  });
}

/** Own members only, so that `__proto__` and the like of a body stay what they are: data. */
function pick(raw: Record<string, unknown>, names: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(
    names.filter((name) => Object.hasOwn(raw, name)).map((name) => [name, raw[name]]),
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
