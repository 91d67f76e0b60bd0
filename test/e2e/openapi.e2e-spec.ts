import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DescribedApi } from '../support/described-api.js';
import { fetchAnswer, type Answer, type SendOptions } from '../support/client.js';
import { TestBroker } from '../support/start-broker.js';
import { json } from '../support/upstream-behaviours.js';
import { startUpstream, type Upstream } from '../support/upstream.js';

const authorization = 'Bearer key-of-web';
const messages = [{ role: 'user', content: 'Hello' }];
const UNKNOWN = 'req_0_01ARZ3NDEKTSV4RRFFQ69G5FAV';

let upstream: Upstream;
let broker: TestBroker;
let api: DescribedApi;

beforeAll(async () => {
  upstream = await startUpstream();
  broker = await TestBroker.start({
    config: {
      providers: {
        demo: { kind: 'demo' },
        box: { kind: 'openai-compatible', location: 'local', baseUrl: upstream.baseUrl, models: ['judge'] },
      },
      models: {
        demo: { targets: [{ provider: 'demo' }] },
        judge: { targets: [{ provider: 'box' }] },
      },
      applications: { web: { apiKeys: ['key-of-web'] } },
    },
  });
  api = await DescribedApi.read(broker.url);
});

afterAll(async () => {
  await broker?.stop();
  await upstream?.close();
});

interface Call extends SendOptions {
  readonly path: Readonly<Record<string, string>>;
}

/** Calls an operation by its name in the document, with a good key. */
async function call(id: string, { path, headers, ...rest }: Partial<Call> = {}): Promise<Answer> {
  const { method, path: template } = api.operation(id);
  const url = `${api.url}${template.replace(/\{(\w+)\}/g, (_, name: string) => path?.[name] ?? 'missing')}`;
  return fetchAnswer(url, { method, headers: { authorization, ...headers }, ...rest });
}

async function expectDescribed(id: string, status: number, options: Partial<Call> = {}): Promise<Answer> {
  const answer = await call(id, options);
  expect({ status: answer.status, text: answer.text, differences: api.differences(id, answer) }).toEqual({
    status,
    text: answer.text,
    differences: [],
  });
  return answer;
}

describe('the OpenAPI document', () => {
  it('says truly which routes need a key', async () => {
    const answers = await Promise.all(
      api.operations.map(async ({ operationId, security }) => {
        const file = 'start.js';
        const { status } = await call(operationId, {
          path: { id: UNKNOWN, file },
          headers: { authorization: '' },
        });
        return { operationId, refused: status === 401, secured: security.length > 0 };
      }),
    );
    expect(answers.filter(({ refused, secured }) => refused !== secured)).toEqual([]);
    expect(new Set(answers.map(({ refused }) => refused)).size).toBe(2);
  });

  it('would be found out if it did not', async () => {
    const models = await call('listModels');
    expect(api.differences('healthz', models)).toContain(": must have required property 'status'");
    expect(api.differences('metrics', models)).toEqual(['metrics is not said to answer application/json']);
    expect(api.differences('healthz', { ...models, status: 418 })).toEqual([
      'healthz is not said to answer 418',
    ]);
    const headers = { ...models.headers, 'x-spillway-other': '1' };
    expect(api.differences('listModels', { ...models, headers })).toEqual(['x-spillway-other']);
  });

  it.each([
    ['completeChat', { model: 'demo', messages }],
    ['completeChat', { model: 'demo', messages, stream: true, stream_options: { include_usage: true } }],
    ['complete', { model: 'demo', prompt: 'Hello' }],
    ['complete', { model: 'demo', prompt: 'Hello', stream: true }],
    ['embed', { model: 'demo', input: ['Hello', 'you'] }],
    ['embed', { model: 'demo', input: 'Hello', encoding_format: 'base64' }],
  ])('says what %s answers to %j', async (id, body) => {
    const { headers } = await expectDescribed(id, 200, { body });
    expect(headers['x-spillway-provider']).toBe('demo');
  });

  it('says what is passed on', async () => {
    upstream.script(
      json({ id: 'm-1', model: 'judge', results: [{ flagged: false, categories: { hate: false } }] }),
    );
    await expectDescribed('moderate', 200, { body: { model: 'judge', input: 'Hello' } });
    upstream.script(
      json({
        results: [
          { index: 1, relevance_score: 0.5 },
          { index: 0, relevance_score: 0.1 },
        ],
      }),
    );
    const body = { model: 'judge', query: 'Hello', documents: ['a', 'b'] };
    await expectDescribed('rerank', 200, { body });
  });

  it('says what becomes of a request, by its id', async () => {
    const asked = await call('completeChat', {
      body: { model: 'demo', messages },
      headers: { 'idempotency-key': 'described-1' },
    });
    const path = { id: String(asked.headers['x-request-id']) };
    const shown = await expectDescribed('showRequest', 200, { path });
    expect(shown.text).toContain('"status":"completed"');
    const followed = await expectDescribed('followRequest', 200, { path });
    expect(followed.text).toBe(asked.text);
    expect(followed.headers['x-spillway-replayed']).toBe('true');
    await expectDescribed('cancelRequest', 200, { path });
    await expectDescribed('removeRequest', 200, { path });
    await expectDescribed('showRequest', 404, { path });
  });

  it('says what is answered about models, and about this server', async () => {
    await expectDescribed('listModels', 200);
    await expectDescribed('describeModel', 200, { path: { model: 'demo' } });
    for (const id of ['healthz', 'readyz', 'metrics', 'welcome', 'openApi', 'docs'])
      await expectDescribed(id, 200);
    for (const file of ['start.js', 'swagger-ui.css', 'swagger-ui-bundle.js', 'favicon-32x32.png']) {
      await expectDescribed('docsFile', 200, { path: { file } });
    }
  });

  it.each([
    ['completeChat', 400, { body: '{', headers: { 'content-type': 'application/json' } }],
    ['completeChat', 400, { body: { model: 'demo', messages: 'Hello' } }],
    ['completeChat', 401, { body: { model: 'demo', messages }, headers: { authorization: 'Bearer bad' } }],
    ['completeChat', 404, { body: { model: 'nobody', messages } }],
    ['completeChat', 415, { body: '{}', headers: { 'content-type': 'text/plain' } }],
    // So little time that it is not tried again.
    [
      'completeChat',
      429,
      { body: { model: 'demo-429', messages }, headers: { 'x-spillway-timeout-ms': '500' } },
    ],
    ['completeChat', 502, { body: { model: 'demo-fail', messages } }],
    ['embed', 400, { body: { model: 'demo', input: '' } }],
    ['describeModel', 404, { path: { model: 'nobody' } }],
    ['showRequest', 404, { path: { id: UNKNOWN } }],
    ['docsFile', 404, { path: { file: 'other.js' } }],
  ])('says how %s fails with %d', async (id, status, options) => {
    await expectDescribed(id, status, options);
  });
});

describe('the page at /docs', () => {
  /** Every address in a text that a browser would load something from. */
  function addressesIn(text: string): string[] {
    const patterns = [/\b(?:src|href|srcset|action)\s*=\s*["']?([^"'\s>]+)/g, /url\(\s*["']?([^"')]+)/g];
    const imports = /@import\s+(?:url\()?["']?([^"');]+)/g;
    return [...patterns, imports].flatMap((pattern) =>
      [...text.matchAll(pattern)].map(([, address]) => address ?? ''),
    );
  }

  it('is whole without any other host', async () => {
    const page = await call('docs');
    const base = `${api.url}/docs`;
    const files = addressesIn(page.text);
    expect(files).toHaveLength(4);
    for (const file of files) {
      const { origin, href } = new URL(file, base);
      expect(origin).toBe(api.url);
      const answer = await fetchAnswer(href);
      expect({ file, status: answer.status }).toEqual({ file, status: 200 });
      expect(answer.body.length).toBeGreaterThan(0);
      if (!file.endsWith('.css')) continue;
      const loaded = addressesIn(answer.text).filter((address) => !address.startsWith('data:'));
      expect(loaded).toEqual([]);
      // Some are there: the pattern finds them.
      expect(addressesIn(answer.text).length).toBeGreaterThan(0);
    }
    const start = await call('docsFile', { path: { file: 'start.js' } });
    expect(start.text).not.toMatch(/https?:|\/\//);
    // Else the library has the document checked by a service on the internet.
    expect(start.text).toContain('validatorUrl: null');
    const [, document = ''] = /url: '([^']+)'/.exec(start.text) ?? [];
    expect(new URL(document, base).href).toBe(`${api.url}/openapi.json`);
  });

  it('forbids the browser to load anything from elsewhere, whatever its library would like', async () => {
    const { headers } = await call('docs');
    const policy = String(headers['content-security-policy'])
      .split('; ')
      .map((directive) => directive.split(' '));
    expect(policy[0]).toEqual(['default-src', "'none'"]);
    expect(policy.map(([name]) => name)).toEqual(expect.arrayContaining(['script-src', 'connect-src']));
    const allowed = new Set(policy.flatMap(([, ...sources]) => sources));
    expect([...allowed].sort()).toEqual(["'none'", "'self'", "'unsafe-inline'", 'data:']);
    expect(policy.find(([name]) => name === 'script-src')).toEqual(['script-src', "'self'"]);
    expect(headers['x-content-type-options']).toBe('nosniff');
  });
});
