import { SpillwayError } from './errors.js';
import { looksLikeSecret, showName } from './scrub.js';
import type { Location } from './target.js';

/** What the caller asked of the plan. */
export interface Controls {
  /** Only targets there. `local` is a privacy guarantee: no byte goes to a cloud provider. Absent: both. */
  readonly only?: Location;
  /** False: the first target alone. Default true. */
  readonly fallback: boolean;
  /** The provider to fall back to, in place of the route's own. */
  readonly fallbackProvider?: string;
  /** The model to fall back to. */
  readonly fallbackModel?: string;
}

/** Top-level members that are the broker's own: never passed on to a provider. */
export const BROKER_MEMBERS = ['fallbakit', 'spillway', 'extra_body'] as const;

/** The members among them that hold controls. */
const WRAPPERS = ['fallbakit', 'spillway'] as const;

type JsonObject = Readonly<Record<string, unknown>>;

/** The fields as sent; `localModelOnly` stands for its alias too. */
interface Fields {
  fallback?: boolean;
  localModelOnly?: boolean;
  cloudModelOnly?: boolean;
  fallbackProvider?: string;
  fallbackModel?: string;
}
type FieldName = keyof Fields;

const KNOWN = [
  'fallbackProvider',
  'fallbackModel',
  'cloudModelOnly',
  'localModelOnly',
  'forceLocal',
  'fallback',
];

/** Control names that mean nothing else: outside their wrapper they were meant for us, and must not be ignored. */
const MISPLACED = new Set([
  'fallbackprovider',
  'fallbackmodel',
  'cloudmodelonly',
  'localmodelonly',
  'forcelocal',
]);

/** Members, without case and punctuation, that would choose a destination or a credential. */
const DESTINATIONS = new Set(['baseurl', 'apikey', 'apibase', 'extraheaders', 'authorization']);
/** Inside the controls nothing else is expected, so parts of names are enough there. */
const DESTINATION_PART =
  /url|uri|apikey|apibase|endpoint|header|authorization|bearer|token|secret|password|credential/;

const NAME_MAX_CHARS = 200;

/** The sightings of one field: its value and where it was. */
type Seen = Map<FieldName, { readonly value: string | boolean; readonly path: string }>;

/**
 * Reads the fallback controls of a request body: `fallbakit` or `spillway`, at the top or inside `extra_body` (once or
 * twice, as SDKs nest it). The same field may come twice with one value.
 * @throws SpillwayError `invalid_value` for anything else: an unknown or misplaced field, a wrong type, two values,
 * controls that exclude each other, and keys or addresses, which come only from the operator. No message repeats a value.
 */
export function readControls(body: unknown): Controls {
  if (!isObject(body))
    throw new SpillwayError('invalid_value', { reason: 'The request body must be a JSON object.' });
  const seen: Seen = new Map();
  readLevel(body, '', 0, seen);
  const fields: Fields = Object.fromEntries([...seen].map(([name, { value }]) => [name, value]));
  refuseContradictions(fields, seen);
  return {
    fallback: fields.fallback ?? true,
    ...(fields.localModelOnly === true ? { only: 'local' as const } : {}),
    ...(fields.cloudModelOnly === true ? { only: 'cloud' as const } : {}),
    ...(fields.fallbackProvider === undefined ? {} : { fallbackProvider: fields.fallbackProvider }),
    ...(fields.fallbackModel === undefined ? {} : { fallbackModel: fields.fallbackModel }),
  };
}

/** One level of nesting: the body itself, its `extra_body`, and the `extra_body` in that. */
function readLevel(level: JsonObject, path: string, depth: number, seen: Seen): void {
  for (const name of Object.keys(level)) refuseStray(name, `${path}${showName(name)}`);
  for (const wrapper of WRAPPERS) {
    if (Object.hasOwn(level, wrapper)) readFields(level[wrapper], `${path}${wrapper}`, seen);
  }
  if (!Object.hasOwn(level, 'extra_body')) return;
  const inner = `${path}extra_body`;
  if (depth === 2) throw invalid(inner, `${inner} is nested too deep; put the controls in \`spillway\`.`);
  readLevel(objectAt(level['extra_body'], inner), `${inner}.`, depth + 1, seen);
}

function refuseStray(name: string, path: string): void {
  const plain = plainName(name);
  if (DESTINATIONS.has(plain)) throw destination(path);
  if (MISPLACED.has(plain)) throw invalid(path, `${path} is not read there; put it in \`spillway\`.`);
}

function readFields(value: unknown, path: string, seen: Seen): void {
  for (const [name, field] of Object.entries(objectAt(value, path))) {
    const shown = /^[\w-]{1,40}$/.test(name) ? `${path}.${showName(name)}` : path;
    if (DESTINATION_PART.test(plainName(name)) || (typeof field === 'string' && looksLikeSecret(field))) {
      throw destination(shown);
    }
    readField(name, field, shown, seen);
  }
}

function readField(name: string, value: unknown, path: string, seen: Seen): void {
  switch (name) {
    case 'forceLocal':
    case 'localModelOnly':
      return note('localModelOnly', booleanAt(value, path), path, seen);
    case 'cloudModelOnly':
    case 'fallback':
      return note(name, booleanAt(value, path), path, seen);
    case 'fallbackProvider':
    case 'fallbackModel':
      return note(name, nameAt(value, path), path, seen);
    default:
      throw invalid(path, `${path} holds an unknown field. The fields are ${KNOWN.join(', ')}.`);
  }
}

function note(name: FieldName, value: string | boolean, path: string, seen: Seen): void {
  const before = seen.get(name);
  if (before !== undefined && before.value !== value) {
    throw invalid(path, `${path} and ${before.path} have different values; send one.`);
  }
  if (before === undefined) seen.set(name, { value, path });
}

function refuseContradictions(fields: Fields, seen: Seen): void {
  const path = (name: FieldName): string => seen.get(name)?.path ?? name;
  if (fields.localModelOnly === true && fields.cloudModelOnly === true) {
    const [local, cloud] = [path('localModelOnly'), path('cloudModelOnly')];
    throw invalid(cloud, `${cloud} and ${local} exclude each other; send one.`);
  }
  for (const name of ['fallbackProvider', 'fallbackModel'] as const) {
    if (fields.fallback === false && fields[name] !== undefined) {
      throw invalid(path(name), `${path(name)} has no use while ${path('fallback')} is false; send one.`);
    }
  }
}

function objectAt(value: unknown, path: string): JsonObject {
  if (!isObject(value)) throw invalid(path, `${path} must be an object.`);
  return value;
}

function booleanAt(value: unknown, path: string): boolean {
  if (typeof value !== 'boolean') throw invalid(path, `${path} must be true or false.`);
  return value;
}

function nameAt(value: unknown, path: string): string {
  const good = typeof value === 'string' && value.length <= NAME_MAX_CHARS && /^[^\s\p{C}]+$/u.test(value);
  if (!good)
    throw invalid(path, `${path} must be a name: 1 to ${NAME_MAX_CHARS} characters without white space.`);
  return value;
}

function destination(path: string): SpillwayError {
  return invalid(
    path,
    `${path}: keys, addresses and headers come from the operator's configuration only; remove it.`,
  );
}

function invalid(param: string, reason: string): SpillwayError {
  return new SpillwayError('invalid_value', { param, reason });
}

function plainName(name: string): string {
  return name.replace(/[^A-Za-z0-9]/g, '').toLowerCase();
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
