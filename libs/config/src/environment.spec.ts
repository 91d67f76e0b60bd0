import { inspect } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { readEnvironment } from './environment.js';

describe('readEnvironment', () => {
  it('reads what is set', () => {
    const environment = readEnvironment({
      SPILLWAY_CONFIG: 'a.yaml',
      HOST: '::1',
      PORT: '80',
      REDIS_URL: 'redis://r',
      SPILLWAY_WORKER_PROVIDERS: 'a, b,,c ',
      SPILLWAY_ALLOW_NO_AUTH: '1',
      SPILLWAY_ALLOW_VOLATILE: 'true',
    });
    expect({ ...environment }).toEqual({
      cloudFallback: true,
      configPath: 'a.yaml',
      host: '::1',
      port: '80',
      redisUrl: 'redis://r',
      workerProviders: ['a', 'b', 'c'],
      allowNoAuth: true,
      allowVolatile: true,
    });
    expect(environment.variables['HOST']).toBe('::1');
  });

  it('takes empty variables as unset', () => {
    const empty = { SPILLWAY_CONFIG: '', HOST: ' ', PORT: '', REDIS_URL: '', SPILLWAY_WORKER_PROVIDERS: '' };
    expect({ ...readEnvironment(empty) }).toEqual({
      allowNoAuth: false,
      allowVolatile: false,
      cloudFallback: true,
    });
  });

  it.each(['0', 'false', 'no', 'yes please', ''])('leaves protection on for %j', (value) => {
    const variables = { SPILLWAY_ALLOW_NO_AUTH: value, SPILLWAY_ALLOW_VOLATILE: value };
    expect(readEnvironment(variables)).toMatchObject({ allowNoAuth: false, allowVolatile: false });
  });

  it('shows no variable when it is printed', () => {
    const environment = readEnvironment({ OPENAI_API_KEY: 'sk-secret' });
    expect(environment.variables['OPENAI_API_KEY']).toBe('sk-secret');
    expect(inspect(environment) + JSON.stringify(environment)).not.toContain('sk-secret');
  });

  it("reads this process's own environment by default", () => {
    expect(readEnvironment().variables['PATH']).toEqual(expect.any(String));
  });
});
