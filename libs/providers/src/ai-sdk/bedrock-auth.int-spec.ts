import { createHash, createHmac } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { collectCall } from '../../../../test/support/collect-call.js';
import type { UpstreamCall } from '../../../../test/support/upstream-call.js';
import type { Upstream } from '../../../../test/support/upstream.js';
import { bedrockWire } from '../../../../test/support/wire/bedrock.js';
import { AiSdkProvider } from './ai-sdk-provider.js';

const REGION = 'eu-north-1';
const SECRET = 'a-secret-access-key';

describe('how Bedrock is let in', () => {
  let upstream: Upstream;
  let provider: AiSdkProvider | undefined;
  beforeEach(async () => {
    upstream = await bedrockWire.start();
  });
  afterEach(async () => {
    setToken(undefined);
    await provider?.close();
    await upstream.close();
  });

  const ask = async (keys: object): Promise<UpstreamCall> => {
    const baseUrl = bedrockWire.baseUrl(upstream);
    provider = new AiSdkProvider({ kind: 'bedrock', name: 'test', region: REGION, baseUrl, ...keys });
    upstream.script(bedrockWire.says({ text: 'Hi' }));
    expect((await collectCall(provider, { model: 'eu.anthropic.claude-v1:0' })).content).toBe('Hi');
    return upstream.waitForCall(1);
  };

  it('signs with the keys, whatever the environment of the process holds', async () => {
    setToken('a-token-of-somebody-else');
    const call = await ask({
      accessKeyId: 'AKIDEXAMPLE',
      secretAccessKey: SECRET,
      sessionToken: 'a-session',
    });
    expect(call.headers['x-amz-security-token']).toBe('a-session');
    expect(call.headers['authorization']).toBe(signatureOf(call));
  });

  it('sends a bearer token where that is the key', async () => {
    const call = await ask({ apiKey: 'a-bedrock-key' });
    expect(call.headers['authorization']).toBe('Bearer a-bedrock-key');
  });
});

/** Where the AI SDK looks for a token by itself. */
function setToken(token: string | undefined): void {
  const { env } = process;
  if (token === undefined) delete env['AWS_BEARER_TOKEN_BEDROCK'];
  else env['AWS_BEARER_TOKEN_BEDROCK'] = token;
}

/** What AWS would work out itself: Signature Version 4 over what it was told to cover. */
function signatureOf({ headers, path, body }: UpstreamCall): string {
  const sent = String(headers['authorization']);
  const names = /SignedHeaders=([^,]+)/.exec(sent)?.[1] ?? '';
  const at = String(headers['x-amz-date']);
  const hash = (text: string | Buffer) => createHash('sha256').update(text).digest('hex');
  const lines = names.split(';').map((name) => `${name}:${String(headers[name]).trim()}\n`);
  // Each part of the path is encoded once more.
  const encoded = path.split('/').map(encodeURIComponent).join('/');
  const bodyHash = headers['x-amz-content-sha256'] ?? hash(body);
  const request = ['POST', encoded, '', lines.join(''), names, bodyHash].join('\n');
  const scope = `${at.slice(0, 8)}/${REGION}/bedrock/aws4_request`;
  const text = ['AWS4-HMAC-SHA256', at, scope, hash(request)].join('\n');
  const hmac = (key: string | Buffer, value: string) => createHmac('sha256', key).update(value).digest();
  const key = scope.split('/').reduce<Buffer>(hmac, Buffer.from(`AWS4${SECRET}`));
  const signature = hmac(key, text).toString('hex');
  return `AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/${scope}, SignedHeaders=${names}, Signature=${signature}`;
}
