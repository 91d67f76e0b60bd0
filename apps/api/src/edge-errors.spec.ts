import { describe, expect, it } from '@jest/globals';
import { HttpException, NotFoundException } from '@nestjs/common';
import { SpillwayError } from '#core/errors.js';
import { errorOfConnection, formatBytes, pathOf, rawErrorResponse, toSpillwayError } from './edge-errors.js';

const request = {
  id: 'req_0_X',
  method: 'POST',
  path: '/v1/x',
  contentType: 'text/plain',
  bodyLimitBytes: 33_554_432,
};

/** As Fastify throws it, and as Nest hands it on. */
function fastifyError(code: string, status: number): HttpException {
  const cause = Object.assign(new Error('Fastify says'), { code, statusCode: status, name: 'FastifyError' });
  return new HttpException(cause.message, status, { cause });
}

describe('toSpillwayError', () => {
  it.each([
    [
      fastifyError('FST_ERR_CTP_BODY_TOO_LARGE', 413),
      'request_too_large',
      /larger than the 32 MiB that this server/,
    ],
    [
      fastifyError('FST_ERR_CTP_INVALID_MEDIA_TYPE', 415),
      'unsupported_media_type',
      /text\/plain is not accepted/,
    ],
    [fastifyError('FST_ERR_CTP_INVALID_CONTENT_LENGTH', 400), 'invalid_value', /Content-Length/],
    [fastifyError('FST_ERR_BAD_URL', 400).cause, 'not_found', /nothing at POST \/v1\/x/],
    [fastifyError('FST_ERR_MAX_PARAM_LENGTH', 414).cause, 'not_found', /nothing at POST \/v1\/x/],
    [fastifyError('FST_ERR_SOMETHING_NEW', 400), 'invalid_value', /could not be read/],
    [new NotFoundException(), 'not_found', 'There is nothing at'],
    [
      new Error('ioredis://user:password@host'),
      'internal_error',
      /failed on this request\. Its id is req_0_X/,
    ],
    ['thrown text', 'internal_error', /req_0_X/],
    [undefined, 'internal_error', /req_0_X/],
  ] as const)('makes %s a %s', (thrown, code, message) => {
    const error = toSpillwayError(thrown, request);
    expect(error.code).toBe(code);
    expect(error.message).toMatch(message);
    expect(error.message).not.toMatch(/password|Fastify/);
  });

  it('keeps a row of the table as it is', () => {
    const error = new SpillwayError('queue_full', { model: 'm', seconds: 3 });
    expect(toSpillwayError(error, request)).toBe(error);
  });
});

describe('rawErrorResponse', () => {
  it('is a whole HTTP response with the error body', () => {
    const { code, params } = errorOfConnection('HPE_HEADER_OVERFLOW', 30_000);
    const [head = '', body = ''] = rawErrorResponse(code, params, 'req_0_X').split('\r\n\r\n');
    expect(head).toMatch(/^HTTP\/1\.1 431 [^\r\n]+\r\n/);
    expect(head).toContain('\r\nx-request-id: req_0_X');
    expect(head).toContain('\r\nconnection: close');
    expect(head).toContain(`\r\ncontent-length: ${Buffer.byteLength(body)}`);
    expect(JSON.parse(body)).toEqual({
      error: {
        message: 'The request headers are too large.',
        type: 'invalid_request_error',
        param: null,
        code: 'headers_too_large',
      },
    });
  });

  it.each([
    ['ERR_HTTP_REQUEST_TIMEOUT', 'request_timeout', { seconds: 30 }],
    ['HPE_HEADER_OVERFLOW', 'headers_too_large', {}],
    ['HPE_INVALID_METHOD', 'invalid_value', { reason: expect.any(String) }],
    [undefined, 'invalid_value', { reason: expect.any(String) }],
  ])('%s is %s', (nodeCode, code, params) => {
    expect(errorOfConnection(nodeCode, 30_000)).toEqual({ code, params });
  });
});

describe('pathOf', () => {
  it.each([
    ['/v1/models?key=secret', '/v1/models'],
    ['/v1/models#part?x', '/v1/models'],
    [`/${'a'.repeat(300)}?b`, `/${'a'.repeat(199)}`],
  ])('%s is %s', (url, path) => {
    expect(pathOf(url)).toBe(path);
  });
});

describe('formatBytes', () => {
  it.each([
    [0, '0 bytes'],
    [900, '900 bytes'],
    [1536, '1.5 KiB'],
    [33_554_432, '32 MiB'],
    [1_073_741_824, '1 GiB'],
  ])('%d is %s', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });
});
