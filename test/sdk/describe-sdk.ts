import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { PYTHON_SETUP_MS } from '../support/python.js';
import { startSdk } from '../support/sdk-under-test.js';
import type { SdkUnderTest } from '../support/sdk-under-test.js';
import { CHECKS } from './checks/checks.js';
import type { Checks } from './checks/scene.js';
import { FEATURES } from './features.js';
import type { FeatureId, SdkOperations } from './features.js';
import { SDKS } from './sdk-table.js';
import type { SdkId } from './sdk-table.js';

/** How a program uses this SDK; `stop` ends what it started. */
export interface OpenSdk {
  readonly operations: Partial<SdkOperations>;
  readonly stop?: () => Promise<void>;
}

export interface DescribeOptions {
  readonly open: (sdk: SdkUnderTest) => Promise<OpenSdk> | OpenSdk;
  /** What happens instead, for features that the table says the SDK lacks although a program can try them. */
  readonly instead?: Partial<Checks>;
}

/** Tries each feature through this SDK: those that the table says it has, and where a program can, those it lacks. */
export function describeSdk(
  id: SdkId,
  { open, instead = {} }: DescribeOptions,
): { readonly sdk: SdkUnderTest } {
  const { lacks, errors, encoding } = SDKS[id];
  const scene: { sdk?: SdkUnderTest; opened?: OpenSdk } = {};
  const started = () => {
    if (!scene.sdk || !scene.opened) throw new Error('the broker has not started');
    return { sdk: scene.sdk, operations: scene.opened.operations };
  };

  beforeAll(async () => {
    scene.sdk = await startSdk();
    scene.opened = await open(scene.sdk);
  }, PYTHON_SETUP_MS);

  afterAll(async () => {
    await scene.opened?.stop?.();
    await scene.sdk?.stop();
  });

  const expectFeature = async <Id extends FeatureId>(
    feature: Id,
    checks: { readonly [Key in Id]?: Checks[Key] },
  ) => {
    const { sdk, operations } = started();
    const operate: SdkOperations[Id] | undefined = operations[feature];
    const check: Checks[Id] | undefined = checks[feature];
    if (!operate || !check) throw new Error(`there is no way to try ${feature}`);
    await check(operate, { sdk, errors, encoding });
  };

  const has = FEATURES.filter((feature) => lacks[feature.id] === undefined);
  it.each(has)('$endpoint: $title', ({ id: feature }) => expectFeature(feature, CHECKS));

  describe('what it does instead of', () => {
    // Without one, Jest would complain of an empty block.
    it('what the table says that it lacks is known', () => {
      const lacking = Object.keys(lacks);
      expect(lacking).toEqual(expect.arrayContaining(Object.keys(instead)));
      const { operations } = started();
      const tried = Object.keys(operations).filter((feature) => lacking.includes(feature));
      expect(tried.toSorted()).toEqual(Object.keys(instead).toSorted());
    });
    const tried = FEATURES.filter((feature) => instead[feature.id]);
    for (const feature of tried)
      it(`${feature.endpoint}: ${feature.title}`, () => expectFeature(feature.id, instead));
  });

  return {
    get sdk() {
      return started().sdk;
    },
  };
}
