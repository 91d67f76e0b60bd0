import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import OpenAI from 'openai';
import { eventually } from '../support/client.js';
import { TestBroker } from '../support/start-broker.js';
import { modelList } from '../support/upstream-behaviours.js';
import { startUpstream, type Upstream } from '../support/upstream.js';

let box: Upstream;
let broker: TestBroker;

beforeAll(async () => {
  box = await startUpstream();
  box.scriptModels(modelList('llama', 'phi'));
  broker = await TestBroker.start({
    config: {
      providers: { box: { preset: 'vllm', baseUrl: box.baseUrl } },
      models: {
        small: { targets: [{ provider: 'box', model: 'phi' }] },
        large: { targets: [{ provider: 'box', model: 'llama' }] },
      },
      applications: {
        staff: { apiKeys: ['${STAFF_KEY}'] },
        guest: { apiKeys: ['${GUEST_KEY}'], models: ['small', 'box/phi'] },
      },
    },
    env: { STAFF_KEY: 'staff-key', GUEST_KEY: 'guest-key' },
  });
  await eventually(
    async () => ((await list(client('staff-key'))).length === 4 ? true : undefined),
    'all models',
    20_000,
  );
}, 30_000);

afterAll(async () => {
  await broker?.stop();
  await box?.close();
});

function client(apiKey: string): OpenAI {
  return new OpenAI({ baseURL: `${broker.url}/v1`, apiKey, maxRetries: 0 });
}

async function list(openai: OpenAI): Promise<string[]> {
  return (await openai.models.list()).data.map(({ id }) => id);
}

const messages = [{ role: 'user' as const, content: 'Hi' }];

describe('an application with a list of models', () => {
  it('is shown and served those, and no others', async () => {
    const [staff, guest] = [client('staff-key'), client('guest-key')];
    expect(await list(staff)).toEqual(['large', 'small', 'llama', 'phi']);
    expect(await list(guest)).toEqual(['small', 'box/phi']);

    for (const model of ['small', 'box/phi']) {
      expect(await guest.models.retrieve(model)).toMatchObject({ id: model });
      expect((await guest.chat.completions.create({ model, messages })).choices).toHaveLength(1);
    }
    const calls = box.calls.length;
    for (const model of ['large', 'llama', 'box/llama', 'phi', 'never heard of']) {
      const refusal = { status: 403, code: 'model_not_allowed', param: 'model' };
      await expect(guest.models.retrieve(model)).rejects.toMatchObject(refusal);
      const asked = guest.chat.completions.create({ model, messages });
      await expect(asked).rejects.toBeInstanceOf(OpenAI.PermissionDeniedError);
      await expect(asked).rejects.toMatchObject(refusal);
      const embedded = guest.embeddings.create({ model, input: 'x' });
      await expect(embedded).rejects.toMatchObject(refusal);
    }
    expect(box.calls).toHaveLength(calls);
    expect((await staff.chat.completions.create({ model: 'large', messages })).choices).toHaveLength(1);
  });

  it('reaches no other by a fallback that it names', async () => {
    const body = { model: 'small', messages, fallbakit: { fallbackModel: 'large' } };
    const refusal = { status: 403, code: 'model_not_allowed', param: 'fallbackModel' };
    await expect(client('guest-key').chat.completions.create(body)).rejects.toMatchObject(refusal);
    expect((await client('staff-key').chat.completions.create(body)).choices).toHaveLength(1);
  });
});
