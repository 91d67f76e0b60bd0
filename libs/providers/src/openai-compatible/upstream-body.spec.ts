import { describe, expect, it } from '@jest/globals';
import { createCall } from '../../../../test/support/collect-call.js';
import { toUpstreamBody } from './upstream-body.js';

const text = '{"model":"m", "messages":[{"role":"developer"}],"seed":12345678901234567890,"max_tokens":5}';

describe('toUpstreamBody', () => {
  it('is the body of the client but for the name of the model where nothing is known of the target', () => {
    const body = toUpstreamBody(createCall({ body: Buffer.from(text), stream: false }));
    expect(body.toString()).toBe(text.replace('"m"', '"upstream-model"'));
  });

  it('has what the target knows, by the names that it knows', () => {
    const capabilities = {
      developerRole: false,
      maxTokens: 'max_completion_tokens',
      parameters: { seed: 'drop' },
    } as const;
    const body = toUpstreamBody(createCall({ body: Buffer.from(text), capabilities }));
    expect(body.toString()).toBe(
      '{"model":"upstream-model", "messages":[{"role":"system"}],"max_completion_tokens":5,' +
        '"stream_options":{"include_usage":true}}',
    );
  });
});
