import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { classifyFailure } from './classify-failure.js';
import { isErrorCode } from './errors.js';
import type { CallFacts, Failure } from './failure.js';

type Status = Omit<Extract<CallFacts, { kind: 'status' }>, 'kind' | 'status'>;

function classify(status: number, rest: Status = {}): Failure {
  return classifyFailure({ kind: 'status', status, ...rest }, { phase: 'headers' });
}

describe('classifyFailure of a status', () => {
  it.each<[number, Status, Failure['category'], Failure['code']]>([
    [400, {}, 'caller', 'upstream_rejected'],
    [422, {}, 'caller', 'upstream_rejected'],
    [413, {}, 'caller', 'request_too_large'],
    [400, { code: 'content_policy_violation' }, 'caller', 'content_policy_violation'],
    [400, { code: 'content_filter' }, 'caller', 'content_policy_violation'],
    [403, { message: 'Your input was flagged' }, 'caller', 'content_policy_violation'],
    [401, {}, 'credential', 'upstream_credentials_exhausted'],
    [402, {}, 'credential', 'upstream_credentials_exhausted'],
    [403, {}, 'credential', 'upstream_credentials_exhausted'],
    [429, { code: 'insufficient_quota' }, 'credential', 'upstream_credentials_exhausted'],
    [429, { type: 'insufficient_quota' }, 'credential', 'upstream_credentials_exhausted'],
    [400, { message: 'API key not valid. Please pass one.' }, 'credential', 'upstream_credentials_exhausted'],
    [400, { message: 'Your credit balance is too low' }, 'credential', 'upstream_credentials_exhausted'],
    [404, {}, 'unusable', 'model_not_found'],
    [405, {}, 'unusable', 'model_not_found'],
    [410, {}, 'unusable', 'model_not_found'],
    [415, {}, 'unusable', 'model_not_found'],
    [501, {}, 'unusable', 'model_not_found'],
    [403, { code: 'model_not_found' }, 'unusable', 'model_not_found'],
    [400, { message: 'Model Not Exist' }, 'unusable', 'model_not_found'],
    [400, { message: 'The model `x` does not exist.' }, 'unusable', 'model_not_found'],
    [429, {}, 'backpressure', 'rate_limit_exceeded'],
    // Some call a plain rate limit this: only the code tells a spent account.
    [429, { message: 'You exceeded your current quota' }, 'backpressure', 'rate_limit_exceeded'],
    [529, {}, 'backpressure', 'upstream_error'],
    [503, { retryAfterMs: 1_000 }, 'backpressure', 'rate_limit_exceeded'],
    [503, { type: 'overloaded_error' }, 'backpressure', 'rate_limit_exceeded'],
    [503, { message: 'server busy, please try again' }, 'backpressure', 'rate_limit_exceeded'],
    [503, { message: 'Loading model', type: 'unavailable_error' }, 'backpressure', 'rate_limit_exceeded'],
    [413, { code: 'rate_limit_exceeded', type: 'tokens' }, 'backpressure', 'rate_limit_exceeded'],
    ...[408, 409, 418, 421, 424, 425, 431, 451, 499, 500, 502, 503, 504, 520, 599].map(
      (status): [number, Status, Failure['category'], Failure['code']] => [
        status,
        {},
        'fault',
        'upstream_error',
      ],
    ),
  ])('%i %j is %s, %s', (status, rest, category, code) => {
    expect(classify(status, rest)).toMatchObject({ category, code });
  });

  it.each<[number, Status]>([
    [400, { code: 'context_length_exceeded' }],
    [400, { type: 'exceed_context_size_error' }],
    [500, { type: 'exceed_context_size_error', code: '500' }],
    [400, { message: "This model's maximum context length is 8192 tokens. However, you requested 9000." }],
    [400, { message: "You passed 1015 tokens. However, the model's context length is only 1024 tokens" }],
    [400, { message: 'The prompt (length 5000) is longer than the maximum model length of 4096.' }],
    [400, { message: 'the request exceeds the available context size. try increasing it' }],
    [400, { message: 'the input length exceeds the context length' }],
    [400, { message: 'prompt is too long: 210000 tokens > 200000 maximum' }],
    [400, { message: 'The input token count (1100000) exceeds the maximum number of tokens allowed' }],
    [413, { message: 'input is too long for requested model' }],
    [422, { message: '`inputs` tokens + `max_new_tokens` must be <= 4096' }],
  ])('%i %j means that the context is too short', (status, rest) => {
    expect(classify(status, rest)).toMatchObject({ category: 'context', code: 'context_length_exceeded' });
  });

  it.each<[number, string, string]>([
    [400, 'registry.ollama.ai/library/gemma:2b does not support tools', 'tools'],
    [404, 'No endpoints found that support tool use. To learn more', 'tools'],
    [400, '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set', 'tools'],
    [400, '`tool calling` is not supported with this model', 'tools'],
    [500, 'tools param requires --jinja flag', 'tools'],
    [400, 'Function calling is not enabled for models/gemma-3-4b-it', 'tools'],
    [400, "This model doesn't support tool use.", 'tools'],
    [500, 'this model is missing data required for image input', 'messages'],
    [200, 'this model is missing data required for image input', 'messages'],
    [500, 'image input is not supported - hint: if this is unexpected, provide the mmproj', 'messages'],
    [500, 'audio input is not supported - hint: if this is unexpected, provide the mmproj', 'messages'],
    [400, 'meta-llama/Llama-3.2-1B is not a multimodal model', 'messages'],
    [404, 'No endpoints found that support image input', 'messages'],
    [400, "This model doesn't support the image content block that you provided.", 'messages'],
    [400, 'Invalid content type. image_url is only supported by certain models.', 'messages'],
    [400, '"gemma:2b" does not support thinking', 'reasoning_effort'],
    [400, 'think value "low" is not supported for this model', 'reasoning_effort'],
  ])('%i %j means that this target cannot do it: %s', (status, message, param) => {
    expect(classify(status, { message })).toMatchObject({
      ...{ category: 'unsupported', code: 'unsupported_parameter' },
      detail: { message: expect.any(String), param },
    });
  });

  it('takes the member at fault from who names it', () => {
    const refused = { code: 'unsupported_parameter', param: 'max_tokens', message: 'not with this model' };
    expect(classify(400, refused)).toMatchObject({
      category: 'unsupported',
      detail: { param: 'max_tokens' },
    });
    const strict = "'messages.1' : property 'reasoning_content' is unsupported";
    expect(classify(400, { message: strict, param: '' })).toMatchObject({
      ...{ category: 'unsupported', reason: '400, unsupported parameter' },
      detail: { status: 400, message: strict },
    });
    expect(classify(429, { message: 'does not support tools' }).category).toBe('backpressure');
  });

  it.each([
    'max_tokens is too large: 100000. This model supports at most 16384 completion tokens',
    'context_length_exceeded_behavior must be one of truncate, error',
    'tool get_weather was not found in tools',
  ])('a 400 with %j stays the caller’s own', (message) => {
    expect(classify(400, { message })).toMatchObject({ category: 'caller', code: 'upstream_rejected' });
  });

  it.each<[number, Status, Failure['category']]>([
    [500, { message: 'content policy service is down' }, 'fault'],
    [429, { message: 'This model not found in your tier' }, 'backpressure'],
    [429, { code: 'rate_limit_exceeded', message: 'maximum context length per minute' }, 'backpressure'],
    [401, { message: 'The model x does not exist' }, 'credential'],
  ])('%i %j goes by its status: those words mean nothing there', (status, rest, category) => {
    expect(classify(status, rest).category).toBe(category);
  });

  it.each<[Status, Failure['category'], string]>([
    [{ code: '429' }, 'backpressure', 'error 429 inside 200'],
    [{ type: 'rate_limit_error' }, 'backpressure', 'error 429 inside 200'],
    [{ type: 'overloaded_error' }, 'backpressure', 'error 529 inside 200'],
    [{ type: 'invalid_request_error' }, 'caller', 'error 400 inside 200'],
    [{ code: 'context_length_exceeded' }, 'context', 'error 400 inside 200, context length'],
    [{ code: 'insufficient_quota' }, 'credential', 'error 429 inside 200, quota'],
    [{ code: '502', message: 'bad gateway' }, 'fault', 'error 502 inside 200'],
    [{ message: 'something went wrong' }, 'fault', 'error 500 inside 200'],
    [{ code: '7' }, 'fault', 'error 500 inside 200'],
  ])('an error object %j inside a 200 is %s', (rest, category, reason) => {
    expect(classify(200, rest)).toMatchObject({ category, reason });
  });

  it('says the status and what outweighed it', () => {
    expect(classify(503).reason).toBe('503');
    expect(classify(429, { code: 'insufficient_quota' }).reason).toBe('429, quota');
  });

  it('keeps Retry-After, clamped, for backpressure only', () => {
    expect(classify(429, { retryAfterMs: 1_500 }).retryAfterMs).toBe(1_500);
    expect(classify(429, { retryAfterMs: 9e9 }).retryAfterMs).toBe(300_000);
    expect(classify(429, { retryAfterMs: -5 }).retryAfterMs).toBe(0);
    expect(classify(429, { retryAfterMs: NaN })).not.toHaveProperty('retryAfterMs');
    expect(classify(500, { retryAfterMs: 1_500 })).not.toHaveProperty('retryAfterMs');
  });

  it('keeps the words of a refusal, scrubbed, and the member at fault', () => {
    expect(classify(422, { message: 'bad \u0007 sk-abcdef here', param: 'messages[0].role' }).detail).toEqual(
      {
        status: 422,
        message: 'bad [redacted] here',
        param: 'messages[0].role',
      },
    );
    expect(classify(400, { message: '', param: 'no member at all' }).detail).toEqual({ status: 400 });
  });

  it('keeps nothing of what the upstream says in any other case', () => {
    const statuses = fc.oneof(fc.integer({ min: 400, max: 599 }), fc.constant(200));
    fc.assert(
      fc.property(statuses, fc.constantFrom('zebra zebra', 'server busy zebra'), (status, message) => {
        const failure = classify(status, { message, code: 'zebra', type: 'zebra', param: 'zebra' });
        expect(isErrorCode(failure.code)).toBe(true);
        const shown = failure.category === 'caller' ? '' : JSON.stringify(failure);
        expect(shown).not.toContain('zebra');
      }),
    );
  });
});

describe('classifyFailure of anything else', () => {
  it.each<[CallFacts, Failure['category'], Failure['code'], string]>([
    [{ kind: 'connect', code: 'ECONNREFUSED' }, 'fault', 'upstream_error', 'ECONNREFUSED'],
    [{ kind: 'connect', code: 'self signed: CN=x' }, 'fault', 'upstream_error', 'connection failed'],
    [{ kind: 'disconnect', code: 'ECONNRESET' }, 'fault', 'upstream_error', 'connection lost (ECONNRESET)'],
    [{ kind: 'timeout', timer: 'first_token' }, 'fault', 'upstream_timeout', 'first token timeout'],
    [{ kind: 'timeout', timer: 'idle' }, 'fault', 'upstream_timeout', 'idle timeout'],
    [{ kind: 'timeout', timer: 'response' }, 'fault', 'upstream_timeout', 'response timeout'],
    [{ kind: 'timeout', timer: 'stream' }, 'fault', 'upstream_timeout', 'stream timeout'],
    [{ kind: 'truncated' }, 'fault', 'upstream_truncated', 'ended without a finish'],
    [{ kind: 'malformed', reason: 'HTML' }, 'fault', 'upstream_error', 'malformed answer (HTML)'],
    [{ kind: 'no_credential' }, 'credential', 'upstream_credentials_exhausted', 'no credential'],
  ])('%j', (facts, category, code, reason) => {
    expect(classifyFailure(facts, { phase: 'not_sent' })).toEqual({
      category,
      code,
      reason,
      phase: 'not_sent',
    });
  });

  it('takes a provider that gets ready for busy, and believes when it may be asked again', () => {
    const facts = { kind: 'preparing', reason: 'the model is being pulled', retryAfterMs: 5_000 } as const;
    expect(classifyFailure(facts, { phase: 'headers' })).toEqual({
      ...{ category: 'backpressure', code: 'upstream_error', phase: 'headers' },
      ...{ reason: 'the model is being pulled', retryAfterMs: 5_000 },
    });
  });
});
