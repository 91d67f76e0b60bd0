import { describe, expect, it } from '@jest/globals';
import { formatPath } from './problem.js';
import { parseConfig } from './parse-config.js';
import { summarizeConfig } from './summary.js';

const KEYS = { accessKeyId: '${AWS_ID}', secretAccessKey: '${AWS_SECRET}' };

function parse(provider: object) {
  return parseConfig({ providers: { p: provider } }, {});
}

function problemsOf(provider: object): readonly string[] {
  const parsed = parse(provider);
  return parsed.ok ? [] : parsed.problems.map(({ path, message }) => `${formatPath(path)}: ${message}`);
}

describe('the kinds with an API of their own', () => {
  it.each<[string, object]>([
    ['anthropic', { kind: 'anthropic', apiKey: '${KEY}' }],
    ['gemini', { kind: 'gemini', apiKey: '${KEY}' }],
    ['bedrock', { kind: 'bedrock', region: 'us-gov-west-1', apiKey: '${KEY}' }],
    ['bedrock', { kind: 'bedrock', region: 'eu-north-1', ...KEYS, sessionToken: '${AWS_SESSION}' }],
  ])('%s %j is in the cloud, and its secrets stay references', (_, provider) => {
    const parsed = parse(provider);
    const config = parsed.ok ? parsed.config : undefined;
    expect(config?.providers['p']).toMatchObject({ location: 'cloud', concurrency: 64 });
    expect(config && summarizeConfig(config, {}).providers).toMatchObject([
      { credential: { state: 'missing', variable: expect.stringMatching(/^(KEY|AWS_ID)$/) } },
    ]);
    expect(JSON.stringify(config)).toContain('[secret $');
  });

  it('need all secrets that they name', () => {
    const parsed = parse({ kind: 'bedrock', region: 'eu-north-1', ...KEYS, sessionToken: '${AWS_SESSION}' });
    const credentialWith = (env: Record<string, string>) =>
      parsed.ok && summarizeConfig(parsed.config, env).providers[0]?.credential;
    expect(credentialWith({ AWS_ID: 'a', AWS_SECRET: 'b' })).toMatchObject({ variable: 'AWS_SESSION' });
    expect(credentialWith({ AWS_ID: 'a', AWS_SECRET: 'b', AWS_SESSION: 'c' })).toEqual({ state: 'set' });
  });

  it('take options of their own', () => {
    const safetySettings = [{ category: 'HARM_CATEGORY_HARASSMENT', threshold: 'BLOCK_NONE' }];
    const parsed = parse({
      kind: 'gemini',
      apiKey: 'k',
      maxTokens: 100,
      providerOptions: { safetySettings },
    });
    expect(parsed.ok && parsed.config.providers['p']).toMatchObject({
      maxTokens: 100,
      providerOptions: { safetySettings },
    });
  });

  it.each<[object, RegExp]>([
    [{ kind: 'anthropic' }, /p\.apiKey: this is required/],
    [{ kind: 'gemini', apiKey: 'k', region: 'x' }, /p\.region: unknown key/],
    [{ kind: 'bedrock', apiKey: 'k' }, /p\.region: this is required/],
    [{ kind: 'bedrock', region: 'Europe', apiKey: 'k' }, /p\.region: expected a region of AWS/],
    [{ kind: 'bedrock', region: 'eu-north-1' }, /p: a credential is required/],
    [{ kind: 'bedrock', region: 'eu-north-1', accessKeyId: 'a' }, /p: .*belong together/],
    [{ kind: 'bedrock', region: 'eu-north-1', apiKey: 'k', ...KEYS }, /p: apiKey is used alone/],
  ])('%j is a problem', (provider, expected) => {
    expect(problemsOf(provider)).toEqual([expect.stringMatching(expected)]);
  });
});
