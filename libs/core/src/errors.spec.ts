import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { errorBody, errorHeaders, errorMessage, errors, isErrorCode, SpillwayError } from './errors.js';
import type { ErrorCode, ErrorRow } from './errors.js';

const codes = Object.keys(errors) as ErrorCode[];
const page = readFileSync(new URL('../../../docs/errors.md', import.meta.url), 'utf8');

/** What the reference page must say of a code. */
function section(code: ErrorCode): string {
  const row: ErrorRow = errors[code];
  return [
    `## ${code}\n`,
    `- Status and type: ${row.status} \`${row.type}\``,
    `- Message: "${row.message}"`,
    `- Retry: ${retryRule(row)}`,
    `- Remedy: ${row.remedy}`,
  ].join('\n');
}

function retryRule(row: ErrorRow): string {
  if (row.retryable === false) return '`x-should-retry: false`; SDKs do not try again.';
  if (row.status === 429 || row.status === 503) {
    const seconds = row.retryAfterSeconds ?? 1;
    return `\`retry-after\` in seconds (${seconds} where nothing better is known); SDKs wait for it and try again.`;
  }
  if (row.status === 408) return 'no header; SDKs try again by their own back-off.';
  return 'no header; SDKs do not try this status again.';
}

describe('the error table', () => {
  it.each(codes)('%s has a status that fits its type', (code) => {
    const { status, type }: ErrorRow = errors[code];
    const fitting: Record<ErrorRow['type'], readonly number[]> = {
      invalid_request_error: [400, 401, 403, 404, 405, 408, 409, 413, 415, 431],
      rate_limit_error: [429],
      server_error: [500, 503],
      upstream_error: [502, 504],
    };
    expect(fitting[type]).toContain(status);
  });

  it.each(codes.filter((code) => [409, 429].includes(errors[code].status) || errors[code].status >= 500))(
    '%s tells SDKs what to do, which would try it again by its status',
    (code) => expect(Object.keys(errorHeaders(code, { seconds: 7 }))).toHaveLength(1),
  );
});

describe('docs/errors.md', () => {
  it.each(codes)('describes %s as the table does', (code) => {
    const found = page.match(new RegExp(`^## ${code}\\n(?:(?!## ).*\\n?)*`, 'm'))?.[0].trim();
    expect(found).toBe(section(code));
  });

  it('describes nothing else, in the order of the table', () => {
    expect([...page.matchAll(/^## (.+)$/gm)].map(([, code]) => code)).toEqual(codes);
  });
});

describe('errorMessage', () => {
  it('fills the places, whatever is put into them', () => {
    expect(errorMessage('queue_full', { model: '$& {seconds}', seconds: 3 })).toBe(
      'The queue for $& {seconds} is full; try again in 3 s.',
    );
    expect(errorMessage('queue_full', { seconds: 3 })).toBe(
      'The queue for unknown is full; try again in 3 s.',
    );
  });
});

describe('errorBody', () => {
  it.each(codes)('has all four members for %s', (code) => {
    expect(errorBody(code)).toEqual({
      error: { message: errorMessage(code), type: errors[code].type, param: null, code },
    });
  });

  it('names the member at fault', () => {
    expect(errorBody('invalid_value', { param: 'n', reason: 'no' }).error).toMatchObject({
      param: 'n',
      message: 'no',
    });
  });
});

describe('errorHeaders', () => {
  it.each<[ErrorCode, number | undefined, Record<string, string>]>([
    ['rate_limit_exceeded', undefined, { 'retry-after': '1' }],
    ['rate_limit_exceeded', 0, { 'retry-after': '1' }],
    ['rate_limit_exceeded', NaN, { 'retry-after': '1' }],
    ['rate_limit_exceeded', 2.1, { 'retry-after': '3' }],
    ['queue_full', 60, { 'retry-after': '60' }],
    // SDKs mishandle anything above 60.
    ['queue_full', 61, { 'x-should-retry': 'false', 'x-spillway-eta-ms': '61000' }],
    ['redis_unavailable', undefined, { 'retry-after': '1' }],
    ['no_worker', undefined, { 'retry-after': '15' }],
    ['no_provider_available', 9, { 'retry-after': '9' }],
    ['deadline_exceeded', 570, { 'x-should-retry': 'false' }],
    ['model_not_found', undefined, {}],
  ])('of %s with %p s', (code, seconds, headers) => {
    expect(errorHeaders(code, seconds === undefined ? {} : { seconds })).toEqual(headers);
  });
});

describe('isErrorCode', () => {
  it('knows the rows only', () => {
    expect(isErrorCode('queue_full')).toBe(true);
    expect(isErrorCode('constructor')).toBe(false);
  });
});

describe('SpillwayError', () => {
  it('reads like its row', () => {
    const cause = new Error('why');
    const error = new SpillwayError('invalid_value', { reason: 'no' }, { cause });
    expect(error).toMatchObject({ name: 'SpillwayError', message: 'no', code: 'invalid_value', cause });
  });
});
