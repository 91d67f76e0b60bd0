import { isUtf8 } from 'node:buffer';
import { exceedsJsonDepth, exceedsJsonParts, MAX_JSON_DEPTH, MAX_JSON_PARTS } from '#core/body.js';
import { SpillwayError } from '#core/errors.js';

/**
 * Parses the bytes of a body that must be one JSON object. Throws `invalid_json`. The depth is checked first: a
 * recursive parser behind us must never see `[[[[…`.
 */
export function parseJsonBody(bytes: unknown): Record<string, unknown> {
  if (!Buffer.isBuffer(bytes) || bytes.length === 0) throw invalidJson('the body is empty.');
  if (exceedsJsonDepth(bytes)) throw invalidJson(`it is nested deeper than ${MAX_JSON_DEPTH} levels.`);
  if (exceedsJsonParts(bytes)) throw invalidJson(`it has more than ${MAX_JSON_PARTS} members and elements.`);
  // Decoding would replace the bad bytes silently, and the provider would get others than were checked here.
  if (!isUtf8(bytes)) throw invalidJson('it is not UTF-8.');
  const parsed = parse(bytes.toString('utf8'));
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw invalidJson('it must be an object.');
  }
  return parsed as Record<string, unknown>;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw invalidJson(error instanceof Error ? error.message : 'it cannot be parsed.');
  }
}

function invalidJson(reason: string): SpillwayError {
  return new SpillwayError('invalid_json', { reason });
}
