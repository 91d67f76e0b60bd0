import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { DiscoveredService } from '#config/discover.js';
import { hang, modelList, status, stream } from '../../../test/support/upstream-behaviours.js';
import { startUpstream, type Upstream } from '../../../test/support/upstream.js';
import { startOllama } from '../../../test/support/wire/ollama.js';
import { probeServices } from './probe-services.js';

let upstream: Upstream;
let service: DiscoveredService;

beforeAll(async () => {
  upstream = await startUpstream();
});
afterAll(() => upstream.close());
beforeEach(() => {
  service = {
    ...{ name: 'vllm', by: 'address', preset: 'vllm' },
    ...{ baseUrl: upstream.baseUrl, location: 'local' },
  };
});

async function probe(services: readonly DiscoveredService[] = [service], env = {}) {
  return [...(await probeServices(services, env))];
}

describe('probeServices', () => {
  it('lists the models of what answers', async () => {
    upstream.scriptModels(modelList('llama3.2:latest', 'phi'));
    expect(await probe()).toEqual([['vllm', ['llama3.2:latest', 'phi']]]);
  });

  it.each(['', '/v1'])('asks an Ollama over its own API, with %j behind its address', async (suffix) => {
    const wire = await startOllama({ 'llama3.2': {}, phi: {} });
    const ollama: DiscoveredService = {
      ...{ name: 'ollama', by: 'address', preset: 'ollama' },
      ...{ baseUrl: `${wire.baseUrl}${suffix}`, location: 'local' },
    };
    expect(await probe([ollama])).toEqual([['ollama', ['llama3.2:latest', 'phi:latest']]]);
    await wire.close();
  });

  it('sends the key that it was told of, and none to others', async () => {
    const seen: (string | undefined)[] = [];
    upstream.scriptModels(async (call) => {
      seen.push(call.record.headers.authorization);
      await modelList('m')(call);
    });
    await probe([{ ...service, keyVariable: 'VLLM_API_KEY' } as DiscoveredService], { VLLM_API_KEY: 'key ' });
    await probe([service], { VLLM_API_KEY: 'key' });
    expect(seen).toEqual(['Bearer key', undefined]);
  });

  it.each([
    ['no such path', status(404)],
    ['a web page', stream()],
    ['no models at all', modelList()],
    ['a refusal', status(401)],
  ])('takes %s for nobody', async (_name, behaviour) => {
    upstream.scriptModels(behaviour);
    expect(await probe()).toEqual([]);
  });

  it('takes another broker for nobody', async () => {
    upstream.scriptModels(async ({ response }) => {
      response.setHeader('content-type', 'application/json');
      response.setHeader('x-request-id', 'req_0_01M7ZZMF0YEAR33WNGP23576ZK');
      response.end(JSON.stringify({ object: 'list', data: [{ id: 'm' }] }));
    });
    expect(await probe()).toEqual([]);
  });

  it('gives up on all of them after half a second', async () => {
    upstream.scriptModels(hang());
    const gone = { ...service, name: 'gone', baseUrl: 'http://127.0.0.1:9/v1' } as DiscoveredService;
    const startedAt = performance.now();
    expect(await probe([service, gone])).toEqual([]);
    expect(performance.now() - startedAt).toBeLessThan(1_500);
    expect(performance.now() - startedAt).toBeGreaterThan(400);
  });
});
