import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { discoverConfig } from '#config/discover.js';
import { describeServices } from '#config/describe-services.js';
import { readEnvironment } from '#config/environment.js';
import { writeConfig } from '#config/write-config.js';
import { probeServices } from './probe-services.js';
import { StartError } from './start-error.js';

/**
 * Writes what is found on this machine as a commented `spillway.yaml` into the directory; returns what to tell.
 *
 * @throws StartError if there is one, unless `force`.
 */
export async function init(directory: string, force: boolean): Promise<string[]> {
  const environment = readEnvironment();
  const { services } = discoverConfig(environment);
  const answers = await probeServices(services, environment.variables);
  const file = path.join(directory, 'spillway.yaml');
  await writeFile(file, writeConfig(services, answers), { flag: force ? 'w' : 'wx' }).catch(
    (error: unknown) => {
      const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
      const reason =
        code === 'EEXIST' ? 'exists; ./spillway init --force overwrites it' : `cannot be written (${code})`;
      throw new StartError(`${file} ${reason}`);
    },
  );
  const found = describeServices(services, answers).filter((line) => line.startsWith('found'));
  return [...found, `wrote ${file}; ./spillway check checks it, ./spillway up serves it`];
}
