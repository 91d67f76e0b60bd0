import { afterEach, describe, expect, it } from '@jest/globals';
import { startRedis, type TestRedis } from '../../../test/support/redis.js';
import { connect } from './connection.js';
import { checkDurability } from './durability.js';
import { silentLog } from './testing/parts.js';

describe('checkDurability', () => {
  let server: TestRedis | undefined;
  afterEach(() => server?.stop());

  async function check(args: readonly string[], allowVolatile = false): Promise<string[]> {
    server = await startRedis({ args });
    const warnings: string[] = [];
    const log = { ...silentLog, warn: (_: object, message: string) => warnings.push(message) };
    const redis = connect(server.url, 'fast', log);
    try {
      await checkDurability(redis, { redis: { url: server.url }, allowVolatile, log });
      return warnings;
    } finally {
      redis.disconnect();
    }
  }

  it('takes a Redis with AOF that evicts nothing', async () => {
    expect(await check([])).toEqual([]);
  });

  it.each([
    ['appendonly is off', ['--appendonly', 'no']],
    ['maxmemory-policy is allkeys-lru', ['--maxmemory-policy', 'allkeys-lru']],
  ])('refuses one where %s, with the remedy', async (problem, args) => {
    await expect(check(args)).rejects.toThrow(
      new RegExp(`${problem} \\(remedy: CONFIG SET .*SPILLWAY_ALLOW_VOLATILE=1`),
    );
  });

  it('only warns where that is allowed', async () => {
    const warnings = await check(['--appendonly', 'no'], true);
    expect(warnings).toEqual([expect.stringContaining('appendonly is off')]);
  });

  it('only warns where Redis does not tell', async () => {
    const warnings = await check(['--user', 'default', 'on', 'nopass', '~*', '&*', '+@all', '-info']);
    expect(warnings).toEqual([expect.stringContaining('does not tell')]);
  });
});
