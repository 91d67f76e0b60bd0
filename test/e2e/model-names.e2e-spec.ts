import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import OpenAI from 'openai';
import { eventually } from '../support/client.js';
import { TestBroker } from '../support/start-broker.js';
import { answer, modelList, status } from '../support/upstream-behaviours.js';
import { startUpstream, type Upstream } from '../support/upstream.js';

/** A local provider is asked what it offers every 5 s. */
const NOTICED_MS = 20_000;

const BOX = ['llama3.2:latest', 'shared'];

let box: Upstream;
let other: Upstream;
let cloud: Upstream;
let broker: TestBroker;
let client: OpenAI;

beforeAll(async () => {
  [box, other, cloud] = await Promise.all([startUpstream(), startUpstream(), startUpstream()]);
  box.scriptModels(modelList(...BOX));
  other.scriptModels(modelList('shared', 'org/with-slash'));
  cloud.scriptModels(modelList('gpt-4o', 'hidden'));
  box.otherwise(answer('from box'));
  other.otherwise(answer('from other'));
  cloud.otherwise(answer('from cloud'));
  broker = await TestBroker.start({
    config: {
      providers: {
        box: { preset: 'vllm', baseUrl: box.baseUrl },
        other: { preset: 'llama-cpp', baseUrl: other.baseUrl },
        cloud: { preset: 'openai', baseUrl: cloud.baseUrl },
      },
      models: {
        fast: {
          targets: [
            { provider: 'box', model: 'llama3.2:latest' },
            { provider: 'cloud', model: 'gpt-4o' },
          ],
        },
        // An alias with the name of a model that somebody offers: the model is then reached by its full name.
        hidden: { targets: [{ provider: 'box', model: 'llama3.2:latest' }] },
      },
    },
    env: { OPENAI_API_KEY: 'k' },
  });
  client = new OpenAI({ baseURL: `${broker.url}/v1`, apiKey: 'any', maxRetries: 0 });
  await eventually(async () => ((await list()).length === 7 ? true : undefined), 'all models', NOTICED_MS);
}, 30_000);

afterAll(async () => {
  await broker?.stop();
  await Promise.all([box.close(), other.close(), cloud.close()]);
});

async function list(): Promise<string[]> {
  return (await client.models.list()).data.map(({ id }) => id);
}

/** Who answered with which of its models. */
async function ask(model: string): Promise<string> {
  const messages = [{ role: 'user' as const, content: 'Hi' }];
  const { data, response } = await client.chat.completions.create({ model, messages }).withResponse();
  const by = `${response.headers.get('x-spillway-provider')}/${response.headers.get('x-spillway-model')}`;
  return `${data.choices[0]?.message.content}: ${by}`;
}

describe('GET /v1/models', () => {
  it('lists aliases, then what the providers offer, each under the shortest name that leads to it', async () => {
    expect(await list()).toEqual([
      ...['fast', 'hidden'],
      ...['cloud/hidden', 'gpt-4o', 'llama3.2:latest', 'org/with-slash', 'shared'],
    ]);
  });

  it('lists nothing that cannot be asked for', async () => {
    for (const id of await list()) {
      expect(await client.models.retrieve(id)).toMatchObject({ id, object: 'model' });
      expect(await ask(id)).toMatch(/^from (box|other|cloud): /);
    }
  });
});

describe('a model name', () => {
  it.each([
    ['fast', 'from box: box/llama3.2:latest'],
    ['hidden', 'from box: box/llama3.2:latest'],
    ['cloud/hidden', 'from cloud: cloud/hidden'],
    ['shared', 'from box: box/shared'],
    ['box/shared', 'from box: box/shared'],
    ['other/shared', 'from other: other/shared'],
    ['org/with-slash', 'from other: other/org/with-slash'],
    ['other/org/with-slash', 'from other: other/org/with-slash'],
    // Ollama's tag for what everybody calls by the plain name.
    ['llama3.2', 'from box: box/llama3.2:latest'],
  ])('%s is answered %s', async (model, by) => expect(await ask(model)).toBe(by));

  it('with a provider before it is tried there only', async () => {
    other.script(status(503), status(503), status(503), status(503));
    const calls = box.calls.length + cloud.calls.length;
    await expect(ask('other/shared')).rejects.toThrow(/^50[23] /);
    expect(box.calls.length + cloud.calls.length).toBe(calls);
  });

  it('that nobody has is refused with the names there are', async () => {
    const refused = await client.models.retrieve('nope').catch((error: unknown) => error);
    expect(refused).toMatchObject({ status: 404, code: 'model_not_found' });
    expect(String(refused)).toContain('llama3.2:latest');
  });

  it('is served as soon as its provider has the model, and no longer than that', async () => {
    box.scriptModels(modelList(...BOX, 'just-pulled:latest'));
    await eventually(
      async () => ((await list()).includes('just-pulled:latest') ? true : undefined),
      'the new model',
      NOTICED_MS,
    );
    expect(await ask('just-pulled')).toBe('from box: box/just-pulled:latest');
    box.scriptModels(modelList(...BOX));
    await eventually(
      async () => ((await list()).includes('just-pulled:latest') ? undefined : true),
      'the end of it',
      NOTICED_MS,
    );
    await expect(ask('just-pulled')).rejects.toMatchObject({ status: 404 });
  }, 60_000);
});
