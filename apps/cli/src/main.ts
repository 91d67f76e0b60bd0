import { existsSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { checkConfig } from '#config/check-config.js';
import { ConfigError } from '#config/config-error.js';
import { ensureRedisBinary } from './fetch-redis.js';
import { StartError } from './start-error.js';
import { up } from './up.js';

/** Top folder: this file is `dist/apps/cli/src/main.js` in it. */
const root = path.resolve(import.meta.dirname, '../../../..');

/** Commands of `./spillway`, which describes them; `redis` is for the tests: it gets a server and says which. */
async function main([command, ...args]: readonly string[]): Promise<number> {
  if (existsSync(path.join(root, '.env'))) process.loadEnvFile(path.join(root, '.env'));
  useConfigOfRoot();
  switch (command) {
    case 'up':
      parseArgs({ args });
      return up({ root, say });
    case 'check':
      parseArgs({ args });
      return check();
    case 'api':
      parseArgs({ args });
      return become('api');
    case 'worker':
      serveOnly(
        parseArgs({ args, options: { provider: { type: 'string', multiple: true } } }).values.provider,
      );
      return become('worker');
    case 'redis':
      print((await ensureRedisBinary(path.join(root, '.cache/redis'), say)).command);
      return 0;
    case undefined:
    default:
      throw new StartError(`there is no command "${command ?? ''}"; ./spillway help lists them`);
  }
}

/** Called from another folder without a file there, the file beside the launcher is meant. */
function useConfigOfRoot(): void {
  const file = path.join(root, 'spillway.yaml');
  if ((process.env['SPILLWAY_CONFIG'] ?? '') !== '' || existsSync('spillway.yaml') || !existsSync(file))
    return;
  process.env['SPILLWAY_CONFIG'] = file;
}

function check(): number {
  const { ok, lines } = checkConfig();
  for (const line of lines) print(line);
  return ok ? 0 : 1;
}

function serveOnly(providers: readonly string[] | undefined): void {
  if (providers !== undefined) process.env['SPILLWAY_WORKER_PROVIDERS'] = providers.join(',');
}

/** Runs the program in this very process: signals and the exit status are its own. */
async function become(app: 'api' | 'worker'): Promise<number> {
  await import(new URL(`../../${app}/src/main.js`, import.meta.url).href);
  return 0;
}

function say(line: string): void {
  print(line === '' || line.startsWith('curl ') ? line : `spillway: ${line}`);
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** What an operator can mend is told in words; anything else is a fault of ours and keeps its stack. */
function explain(error: unknown): string {
  if (error instanceof ConfigError) return `${error.message}\n`;
  if (error instanceof StartError) return `spillway: ${error.message}\n`;
  if (error instanceof TypeError && 'code' in error) return `spillway: ${error.message}\n`; // an unknown option
  return `spillway: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(explain(error));
  process.exitCode = 1;
}
