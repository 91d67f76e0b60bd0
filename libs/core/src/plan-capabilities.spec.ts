import { describe, expect, it } from '@jest/globals';
import type { Capabilities } from './capabilities.js';
import type { Controls } from './controls.js';
import { SpillwayError } from './errors.js';
import type { ProviderAnnouncement } from './fleet.js';
import { makePlan } from './plan.js';
import { readFeatures } from './read-features.js';
import { resolveModel, type Catalogue } from './route.js';
import { targetKey } from './target-key.js';
import type { Target } from './target.js';

interface Scene {
  /** What the file says of its three providers, and what the last one's worker announces. */
  readonly gpu?: Capabilities;
  readonly openai?: Capabilities;
  readonly azure?: Capabilities;
  /** What the file says of the model at `gpu`. */
  readonly model?: Capabilities;
  /** Another public name for that model, and what the file says of it there. */
  readonly alias?: Capabilities;
  readonly announced?: Capabilities;
}

function catalogueOf({ gpu = {}, openai = {}, azure = {}, model = {}, alias, announced }: Scene): Catalogue {
  const shared = { kind: 'openai-compatible', concurrency: 1, credential: 'ok' } as const;
  const workers: ProviderAnnouncement[] = [
    { ...shared, name: 'gpu', location: 'local', models: [] },
    { ...shared, name: 'openai', location: 'cloud', models: [] },
    { ...shared, name: 'azure', location: 'cloud', models: [] },
    {
      ...{ ...shared, name: 'remote', location: 'local', models: ['phi'] },
      ...(announced && { capabilities: announced }),
    },
  ];
  return {
    models: {
      ...(alias && { alias: { targets: [{ provider: 'gpu', model: 'llama', capabilities: alias }] } }),
      llama: {
        targets: [
          { provider: 'gpu', capabilities: model },
          { provider: 'openai', model: 'gpt' },
        ],
      },
    },
    providers: {
      gpu: { kind: 'openai-compatible', location: 'local', capabilities: gpu },
      openai: { kind: 'openai-compatible', location: 'cloud', capabilities: openai },
      azure: { kind: 'openai-compatible', location: 'cloud', capabilities: azure },
    },
    fleet: { providers: new Map(workers.map((each) => [each.name, each])), unusable: new Set() },
  };
}

function targetsOf(
  scene: Scene,
  body: Record<string, unknown>,
  controls: Partial<Controls> = {},
  name = 'llama',
): readonly Target[] {
  const catalogue = catalogueOf(scene);
  const route = resolveModel(name, catalogue);
  const features = readFeatures('chat', body);
  return makePlan({ route, controls: { fallback: true, ...controls }, catalogue, features }).targets;
}

function keysOf(...args: Parameters<typeof targetsOf>): string[] {
  return targetsOf(...args).map(targetKey);
}

function refusalOf(...args: Parameters<typeof targetsOf>): SpillwayError {
  try {
    targetsOf(...args);
  } catch (error) {
    if (error instanceof SpillwayError) return error;
    throw error;
  }
  throw new Error('the request was planned');
}

const tools = { tools: [{}] };

describe('makePlan by capabilities', () => {
  it('leaves out the targets that lack something, and keeps the others in their order', () => {
    expect(keysOf({ gpu: { tools: false } }, tools)).toEqual(['openai/gpt']);
    expect(keysOf({ openai: { tools: false } }, tools)).toEqual(['gpu/llama']);
    expect(keysOf({ gpu: { tools: false } }, {})).toEqual(['gpu/llama', 'openai/gpt']);
  });

  it('lets what is said of one model win over its provider', () => {
    expect(keysOf({ gpu: { tools: false }, model: { tools: true } }, tools)).toEqual([
      'gpu/llama',
      'openai/gpt',
    ]);
    expect(keysOf({ model: { tools: false } }, tools)).toEqual(['openai/gpt']);
  });

  it('knows of a model by its provider what is said of it where one target alone names it', () => {
    const model = { tools: false };
    expect(refusalOf({ model }, tools, {}, 'gpu/llama').params).toMatchObject({ param: 'tools' });
    expect(keysOf({ model }, tools, {}, 'gpu/other')).toEqual(['gpu/other']);
    expect(keysOf({ model, alias: {} }, tools, {}, 'gpu/llama')).toEqual(['gpu/llama']);
    // And one target says nothing of the other.
    expect(keysOf({ alias: model }, tools)).toEqual(['gpu/llama', 'openai/gpt']);
    expect(refusalOf({ alias: model }, tools, {}, 'alias').params).toMatchObject({ param: 'tools' });
    // The name that Ollama lists is that of the same model.
    expect(refusalOf({ model }, tools, {}, 'gpu/llama:latest').params).toMatchObject({ param: 'tools' });
  });

  it('knows what a worker announces of a provider that the file does not name', () => {
    const scene = { announced: { tools: false } };
    expect(refusalOf(scene, tools, {}, 'phi').params).toMatchObject({ param: 'tools' });
    expect(refusalOf(scene, tools, {}, 'remote/phi').params).toMatchObject({ param: 'tools' });
    expect(keysOf(scene, {}, {}, 'phi')).toEqual(['remote/phi']);
  });

  it('refuses at once where every target lacks it, naming the member, each target and the way out', () => {
    const refusal = refusalOf({ gpu: { tools: false }, openai: { tools: false } }, tools);
    expect(refusal.code).toBe('unsupported_parameter');
    expect(refusal.params).toMatchObject({ param: 'tools' });
    expect(refusal.message).toBe(
      'llama cannot take `tools` here: gpu/llama knows no tools; openai/gpt knows no tools. ' +
        'Remove it, or ask for a model whose provider has what is missing.',
    );
  });

  it('names each member where the targets lack different ones, the first of them in param', () => {
    const refusal = refusalOf({ gpu: { tools: false }, openai: { n: 'unsupported' } }, { ...tools, n: 2 });
    expect(refusal.params).toMatchObject({ param: 'tools' });
    expect(refusal.message).toMatch(
      /`tools` and `n` here: gpu\/llama knows no tools; openai\/gpt gives one answer per request\. Remove them,/,
    );
  });

  it.each<[Partial<Controls>, string[]]>([
    [{ fallbackProvider: 'azure' }, ['gpu/llama']],
    [{ fallbackProvider: 'azure', fallbackModel: 'x' }, ['gpu/llama']],
    [{ fallbackModel: 'azure/x' }, ['gpu/llama']],
    [{ fallbackModel: 'x' }, ['gpu/llama', 'openai/x']],
  ])('asks the same of the fallback that the caller names: %j', (controls, expected) => {
    expect(keysOf({ azure: { tools: false } }, tools, controls)).toEqual(expected);
    const lacking = { gpu: { tools: false }, openai: { tools: false }, azure: { tools: false } };
    expect(refusalOf(lacking, tools, controls).code).toBe('unsupported_parameter');
  });

  it('does not turn fallback: false into a fallback', () => {
    expect(refusalOf({ gpu: { tools: false } }, tools, { fallback: false }).params).toMatchObject({
      param: 'tools',
    });
  });

  it('keeps what only fits to the location that was asked for', () => {
    expect(refusalOf({ gpu: { tools: false } }, tools, { only: 'local' }).code).toBe('unsupported_parameter');
  });

  it('says on each target what it does not get, and what it lacks', () => {
    const parameters = { seed: 'drop', user: 'drop' } as const;
    const body = { seed: 1, temperature: 0 };
    expect(targetsOf({ gpu: { parameters } }, body)).toEqual([
      {
        provider: 'gpu',
        model: 'llama',
        location: 'local',
        capabilities: { parameters },
        dropped: ['seed'],
      },
      { provider: 'openai', model: 'gpt', location: 'cloud' },
    ]);
    expect(targetsOf({ gpu: { parameters } }, {})[0]).not.toHaveProperty('dropped');
  });
});
