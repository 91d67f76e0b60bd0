import { existsSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { checkConfig } from '#config/check-config.js';
import { ConfigError } from '#config/config-error.js';
import { describeServices } from '#config/describe-services.js';
import { readEnvironment } from '#config/environment.js';
import { loadConfig } from '#config/load-config.js';
import { chat } from './chat.js';
import { listDeadLetters, retryDeadLetter } from './dead-letters.js';
import { ensureRedisBinary } from './fetch-redis.js';
import { init } from './init.js';
import { probeServices } from './probe-services.js';
import { StartError } from './start-error.js';
import { readStatus } from './status.js';
import { up } from './up.js';
import { findUsedRedis } from './used-redis.js';

/** Top folder: this file is `dist/apps/cli/src/main.js` in it. */
const root = path.resolve(import.meta.dirname, '../../../..');

/** Commands of `./spillway`, which describes them; `redis` is for the tests: it gets a server and says which. */
async function main([command, ...args]: readonly string[]): Promise<number> {
  const inherited = new Set(Object.keys(process.env));
  if (existsSync(path.join(root, '.env'))) process.loadEnvFile(path.join(root, '.env'));
  useConfigOfRoot();
  switch (command) {
    case 'up':
      parseArgs({ args });
      return up({ root, say, shellHas: (name) => inherited.has(name) });
    case 'check':
      parseArgs({ args });
      return check();
    case 'init': {
      const { values } = parseArgs({ args, options: { force: { type: 'boolean' } } });
      for (const line of await init(process.cwd(), values.force ?? false)) say(line);
      return 0;
    }
    case 'status': {
      const { values } = parseArgs({ args, options: { json: { type: 'boolean' } } });
      const loaded = loadConfig({ for: 'check' });
      for (const line of await readStatus(loaded, root, values.json ?? false)) print(line);
      return 0;
    }
    case 'dead-letters':
      return deadLetters(args);
    case 'chat':
      return chatOnce(args);
    case 'api':
      parseArgs({ args });
      return become('api');
    case 'worker':
      await prepareWorker(
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

async function check(): Promise<number> {
  const { ok, lines, services } = checkConfig();
  for (const line of lines) print(line);
  if (!services) return ok ? 0 : 1;
  const answers = await probeServices(services, readEnvironment().variables);
  for (const line of describeServices(services, answers)) print(line);
  return 0;
}

/** `list` and `retry ID`; of a retry, the new id alone goes to stdout. */
async function deadLetters(args: readonly string[]): Promise<number> {
  const options = { json: { type: 'boolean' } } as const;
  const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true });
  const [action, request, ...rest] = positionals;
  const loaded = loadConfig({ for: 'check' });
  if (action === 'list' && request === undefined) {
    for (const line of await listDeadLetters(loaded, root, values.json ?? false)) print(line);
    return 0;
  }
  if (action !== 'retry' || request === undefined || rest.length > 0)
    throw new StartError(
      'say what: ./spillway dead-letters list [--json], or ./spillway dead-letters retry ID',
    );
  const submitted = await retryDeadLetter(loaded, root, request);
  print(submitted);
  process.stderr.write(`spillway: submitted again; GET /v1/requests/${submitted} tells what became of it\n`);
  return 0;
}

async function chatOnce(args: readonly string[]): Promise<number> {
  const options = { model: { type: 'string' } } as const;
  const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true });
  if (positionals.length === 0) throw new StartError('say something: ./spillway chat "hello"');
  await chat({
    loaded: loadConfig({ for: 'check' }),
    prompt: positionals.join(' '),
    model: values.model,
    write: (text) => process.stdout.write(text),
    note: (line) => process.stderr.write(`spillway: ${line}\n`),
  });
  return 0;
}

/** A worker beside an `up` works for it. */
async function prepareWorker(providers: readonly string[] | undefined): Promise<void> {
  const asked = providers === undefined ? {} : { workerProviders: providers };
  const url = await findUsedRedis(loadConfig({ for: 'worker', ...asked }), root);
  if (providers !== undefined) process.env['SPILLWAY_WORKER_PROVIDERS'] = providers.join(',');
  if (url === undefined) return;
  say(`Redis: the one of ./spillway up, ${url}`);
  process.env['REDIS_URL'] = url;
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
  if (error instanceof TypeError && 'code' in error)
    return `spillway: ${error.message}; ./spillway help lists what there is\n`; // an unknown option
  return `spillway: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(explain(error));
  process.exitCode = 1;
}
