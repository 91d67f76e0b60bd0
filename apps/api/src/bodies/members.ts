import {
  IsBoolean,
  IsNotEmpty,
  IsObject,
  IsOptional,
  IsString,
  Matches,
  MaxLength,
  ValidateBy,
  ValidateNested,
  validateSync,
} from 'class-validator';
import type { ValidationError } from 'class-validator';
import { SpillwayError } from '#core/errors.js';

/** Longest model name, in characters: it comes back in a header, and clients take 16 KiB of headers. */
const MODEL_MAX_CHARS = 512;
/** No half of a surrogate pair, which is no text: Redis would refuse the plan, and no upstream has such a model. */
const WELL_FORMED = /^\P{Cs}*$/u;

/** What every inference endpoint has. */
export class InferenceBody {
  @IsString({ message: 'must be a string' })
  @IsNotEmpty({ message: 'must not be empty' })
  @MaxLength(MODEL_MAX_CHARS, { message: `must be at most ${MODEL_MAX_CHARS} characters long` })
  @Matches(WELL_FORMED, { message: 'must be well-formed Unicode' })
  model!: string;
}

class StreamOptions {
  @IsOptional()
  @IsBoolean({ message: 'must be a boolean' })
  include_usage?: boolean | null;
}

/** What those that stream have beside it. */
export class StreamableBody extends InferenceBody {
  @IsOptional()
  @IsBoolean({ message: 'must be a boolean' })
  stream?: boolean | null;

  @IsOptional()
  @IsObject({ message: 'must be an object' })
  @ValidateNested({ message: 'must be an object' })
  stream_options?: StreamOptions | null;
}

/** As `readMembers`, with the options of a stream. */
export function readStreamable<T extends StreamableBody>(
  into: T,
  raw: Record<string, unknown>,
  names: readonly (keyof T & string)[],
): T {
  pick(into, raw, ['model', ...names, 'stream', 'stream_options']);
  const options: unknown = into.stream_options;
  if (isObject(options)) into.stream_options = pick(new StreamOptions(), options, ['include_usage']);
  return check(into, ['model', ...names]);
}

/**
 * Takes `model` and these members of a parsed body over and checks them. Everything else is the provider's to judge: the
 * bytes of the body pass through untouched.
 *
 * @throws {SpillwayError} `invalid_value` for the first member at fault, with its path in `param`; the message never
 * quotes a value
 */
export function readMembers<T extends InferenceBody>(
  into: T,
  raw: Record<string, unknown>,
  names: readonly (keyof T & string)[],
): T {
  const checked = ['model', ...names];
  return check(pick(into, raw, checked), checked);
}

/** The validator has members of a class before those that it inherits; whoever reads the error begins with `first`. */
function check<T extends InferenceBody>(body: T, first: readonly string[]): T {
  const errors = validateSync(body, { stopAtFirstError: true });
  const rank = ({ property }: ValidationError) =>
    first.includes(property) ? first.indexOf(property) : first.length;
  const [error] = errors.toSorted((a, b) => rank(a) - rank(b));
  if (error) throw toSpillwayError(error, '');
  return body;
}

/** A member that must pass a test of ours; `message` follows its name. */
export function Passes(test: (value: unknown) => boolean, message: string): PropertyDecorator {
  return ValidateBy({ name: test.name, validator: { validate: test } }, { message });
}

/** A list whose elements must pass a test of ours; the first that does not is named by its place: `messages[2] must …`. */
export function EachPasses(test: (value: unknown) => boolean, message: string): PropertyDecorator {
  const placeOf = (list: unknown) => (Array.isArray(list) ? list.findIndex((item) => !test(item)) : -1);
  return ValidateBy(
    { name: test.name, validator: { validate: (list) => placeOf(list) === -1 } },
    { message: ({ value }) => `[${placeOf(value)}] ${message}` },
  );
}

function toSpillwayError(error: ValidationError, parent: string): SpillwayError {
  const path = parent + error.property;
  const [constraint] = Object.values(error.constraints ?? {});
  const [child] = error.children ?? [];
  if (constraint === undefined && child) return toSpillwayError(child, `${path}.`);
  const [, place = '', complaint = 'is not valid'] = /^(\[\d+\])? ?(.*)$/s.exec(constraint ?? '') ?? [];
  const param = path + place;
  return new SpillwayError('invalid_value', { param, reason: `\`${param}\` ${complaint}.` });
}

/** Own members only, so that `__proto__` and the like of a body stay what they are: data. */
function pick<T extends object>(into: T, raw: Record<string, unknown>, names: readonly string[]): T {
  for (const name of names) if (Object.hasOwn(raw, name)) Object.assign(into, { [name]: raw[name] });
  return into;
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
