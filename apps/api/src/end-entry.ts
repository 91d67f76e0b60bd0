import { isErrorCode, SpillwayError } from '#core/errors.js';
import type { EndEntry } from '#core/ledger/transitions.js';

export function parseEnd(bytes: Buffer): EndEntry {
  return JSON.parse(bytes.toString('utf8')) as EndEntry;
}

/** Why a request failed, in the words of the error table; `known` fills what its own params leave open. */
export function failureOf(
  { code, params }: Pick<EndEntry, 'code' | 'params'>,
  known: { readonly request: string; readonly model: string },
): SpillwayError {
  // A worker of a later version may have sealed it with a code that this one does not know.
  const isKnown = code !== null && isErrorCode(code);
  return new SpillwayError(isKnown ? code : 'internal_error', { ...known, ...params });
}
