import { isUtf8 } from 'node:buffer';
import { SpillwayError } from '#core/errors.js';
import { findTextFault } from '#core/json/find-fault.js';
import { inspectValue, type ValueFault } from '#core/json/inspect-value.js';
import { formatPath, type JsonPath } from '#core/json/json-path.js';
import { MAX_JSON_DEPTH, MAX_JSON_PARTS, measureJson } from '#core/json/measure-json.js';

/**
 * Parses the bytes of a body that must be one JSON object which every reader reads the same: no name twice, no number out
 * of range, no half characters. The depth is checked first: a recursive parser behind us must never see `[[[[…`.
 *
 * @throws {SpillwayError} `invalid_json`, or `invalid_value` with the path of the member at fault. Neither quotes a value
 */
export function parseJsonBody(bytes: unknown): Record<string, unknown> {
  if (!Buffer.isBuffer(bytes) || bytes.length === 0) throw invalidJson('the body is empty.');
  const { exceeds, names } = measureJson(bytes);
  if (exceeds === 'depth') throw invalidJson(`it is nested deeper than ${MAX_JSON_DEPTH} levels.`);
  if (exceeds === 'parts') throw invalidJson(`it has more than ${MAX_JSON_PARTS} members and elements.`);
  // Decoding would replace the bad bytes silently, and the provider would get others than were checked here.
  if (!isUtf8(bytes)) throw invalidJson('it is not UTF-8.');
  const text = bytes.toString('utf8');
  const parsed = parse(text);
  const inspected = inspectValue(parsed);
  if (inspected.fault) throw ofFault(inspected.fault);
  // A parser keeps one of two, and the next one, behind us, may keep the other.
  if (inspected.names !== names) throw ofDuplicate(text);
  return parsed;
}

function parse(text: string): Record<string, unknown> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    // What the parser says quotes the text around it, which may be anything.
    throw ofSyntax(text);
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw invalidJson('it must be an object.');
  }
  return parsed as Record<string, unknown>;
}

function ofSyntax(text: string): SpillwayError {
  if (text.startsWith('\ufeff')) return invalidJson('it begins with a byte order mark.');
  const fault = findTextFault(text);
  if (fault?.kind !== 'syntax') return invalidJson('it cannot be parsed.');
  const { complaint, path, line, column } = fault;
  const where = path.length === 0 ? '' : `, in \`${formatPath(path)}\``;
  return invalidJson(`${complaint}, at line ${line}, column ${column}${where}.`);
}

function ofDuplicate(text: string): SpillwayError {
  const fault = findTextFault(text);
  return invalidValue(fault?.path ?? [], 'is there twice');
}

const COMPLAINTS: Readonly<Record<ValueFault['kind'], string>> = {
  'number-out-of-range': 'is a number out of range',
  'lone-surrogate': 'must be well-formed Unicode, without halves of surrogate pairs',
  'lone-surrogate-in-name': 'has a name that is not well-formed Unicode',
};

function ofFault({ path, kind }: ValueFault): SpillwayError {
  return invalidValue(path, COMPLAINTS[kind]);
}

function invalidValue(path: JsonPath, complaint: string): SpillwayError {
  const param = formatPath(path);
  return new SpillwayError('invalid_value', { param, reason: `\`${param}\` ${complaint}.` });
}

function invalidJson(reason: string): SpillwayError {
  return new SpillwayError('invalid_json', { reason });
}
