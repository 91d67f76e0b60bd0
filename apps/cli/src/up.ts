import path from 'node:path';
import { connect } from '#broker/connection.js';
import { forgetWorkers } from '#broker/fleet-watch.js';
import { Keys } from '#broker/keys.js';
import { describeServices, type Answers } from '#config/describe-services.js';
import { loadConfig } from '#config/load-config.js';
import type { LoadedConfig } from '#config/load-config.js';
import type { Fleet } from '#core/fleet.js';
import { listModels } from '#core/route.js';
import { apiOrigin } from './api-origin.js';
import { chooseRedis } from './choose-redis.js';
import type { RedisChoice } from './choose-redis.js';
import { exampleCurl } from './example-curl.js';
import { exampleKey } from './example-key.js';
import { exampleModel, waitForApi, waitForModels, waitForWorker } from './fleet-ready.js';
import { findFreePort } from './free-port.js';
import { checkPortIsFree } from './port-check.js';
import { noteProvider } from './provider-note.js';
import { redisDataDir } from './own-redis.js';
import { isRedisAsked } from './redis-asked.js';
import { SILENT_LOG } from './silent-log.js';
import { StopSignal } from './stop-signal.js';
import { StartError } from './start-error.js';
import { SupervisedProcess } from './supervised-process.js';

export interface UpOptions {
  /** Top folder: where `.cache` and `.data` are, and the built programs. */
  readonly root: string;
  readonly say: (line: string) => void;
  /** Does the shell that started us have this variable? Those of `.env` it has not. */
  readonly shellHas: (variable: string) => boolean;
}

/** From here on it is no longer a slow start, ms. */
const READY_MS = 60_000;

/** A process that died this often in a row before everything was ready will not get well by itself. */
const HOPELESS_DEATHS = 3;

/** What a process may take to stop beyond its own drain, ms. */
const STOP_OVERRUN_MS = 8_000;

/**
 * Starts Redis if none fits, one api and one worker, keeps them running, and stops all it started on SIGINT, SIGTERM
 * or SIGHUP; a second one ends them at once.
 *
 * @returns the exit status.
 * @throws ConfigError or StartError if it cannot start; nothing of it is left running.
 */
export async function up({ root, say, shellHas }: UpOptions): Promise<number> {
  const stop = new StopSignal();
  const over = new AbortController();
  loadConfig({ for: 'worker' });
  const loaded = loadConfig({ for: 'api' });
  const { host } = loaded.config.server;
  const port = loaded.config.server.port === 0 ? await findFreePort() : loaded.config.server.port;
  await checkPortIsFree(host, port);
  const redis = await chooseRedis(redisWish(loaded, root, say));
  say(redis.about);
  if (redis.own) await forgetLastRun(redis.url, loaded);
  const hopeless = Promise.withResolvers<never>();
  let started = false;
  const giveUp = (error: StartError): void => {
    if (!started) hopeless.reject(error); // later on Redis may be away, or memory short: that passes
  };
  const start = (name: string) => startProcess(name, { loaded, port, redis, root, say, giveUp });
  const [api, worker] = [start('api'), start('worker')];
  try {
    const signal = AbortSignal.any([over.signal, AbortSignal.timeout(READY_MS)]);
    const ready = announceReady({ loaded, port, redis, worker, shellHas }, signal);
    const lines = await Promise.race([ready, stop.requested.then(() => []), hopeless.promise]);
    for (const line of lines) say(line);
    started = true;
    await stop.requested;
    say('stopping: answers that run may end (Ctrl-C again: at once)');
    return 0;
  } finally {
    over.abort();
    stop.onRepeat(() => [api, worker].forEach((each) => each.kill()));
    const killAfterMs = loaded.config.worker.drainMs + STOP_OVERRUN_MS;
    await Promise.all([api.stop(killAfterMs), worker.stop(killAfterMs)]);
    await redis.stop();
  }
}

/** The data still has the heartbeats of the workers of the last run, whose models would be offered for 15 s. */
async function forgetLastRun(url: string, { config }: LoadedConfig): Promise<void> {
  const redis = connect(url, 'patient', SILENT_LOG);
  await forgetWorkers(redis, new Keys(config.redis.prefix, config.redis.shards));
  redis.disconnect();
}

interface Starting {
  readonly loaded: LoadedConfig;
  readonly port: number;
  readonly redis: RedisChoice;
  readonly root: string;
  readonly say: (line: string) => void;
  /** A process will not get well by itself. */
  readonly giveUp: (error: StartError) => void;
}

function startProcess(name: string, { loaded, port, redis, root, say, giveUp }: Starting): SupervisedProcess {
  const env = {
    PORT: String(port),
    REDIS_URL: redis.url,
    ...(loaded.source.kind === 'file' ? { SPILLWAY_CONFIG: loaded.source.path } : {}),
  };
  const onDeath = (deaths: number): void => {
    if (deaths < HOPELESS_DEATHS) return;
    giveUp(
      new StartError(`the ${name} process ended ${deaths} times in a row; its last lines above say why`),
    );
  };
  const program = path.join(root, 'dist/apps', name, 'src/main.js');
  const supervised = new SupervisedProcess({ name, program, env, say, onDeath });
  supervised.start();
  return supervised;
}

function redisWish(loaded: LoadedConfig, root: string, say: (line: string) => void) {
  const { config, environment } = loaded;
  return {
    url: config.redis.url,
    asked: isRedisAsked(loaded),
    allowVolatile: environment.allowVolatile,
    dataDir: redisDataDir(root, loaded.config.server.port),
    cacheDir: path.join(root, '.cache/redis'),
    say,
  };
}

interface Started {
  readonly loaded: LoadedConfig;
  readonly port: number;
  readonly redis: RedisChoice;
  readonly worker: SupervisedProcess;
  readonly shellHas: UpOptions['shellHas'];
}

/** What to print once everything is there, or which part is not. */
async function announceReady(
  { loaded: { config, environment, source }, port, redis, worker, shellHas }: Started,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const origin = apiOrigin({ host: config.server.host, port });
  const baseUrl = `${origin}/v1`;
  const startedAt = Date.now();
  try {
    await waitForApi(origin, signal);
  } catch {
    return [`the api is not ready after ${READY_MS / 1000} s; its lines above say why. Going on.`];
  }
  const fleet = await waitForWorker(
    { ...config.redis, url: redis.url },
    (heartbeat) => heartbeat.pid === worker.pid && heartbeat.startedAt >= startedAt,
    signal,
  ).catch(() => undefined);
  const found =
    source.kind === 'discovered' && fleet ? describeServices(source.services, answersOf(fleet)) : [];
  const notes = [...(fleet?.providers.values() ?? [])].flatMap(
    (provider) => noteProvider({ ...provider, workers: 1 }) ?? [],
  );
  const model = fleet && exampleModel(config, fleet);
  if (fleet === undefined || model === undefined) {
    return [
      ...found,
      ...notes,
      `ready at ${baseUrl}, but no worker offers a model yet; ./spillway check shows what is configured`,
    ];
  }
  const key = exampleKey(config, environment.variables, shellHas);
  const ids = listModels({ models: config.models, providers: config.providers, fleet }).map(({ id }) => id);
  await waitForModels(origin, ids, key?.value);
  const curl = exampleCurl({ baseUrl, model, ...(key && { keyVariable: key.variable }) });
  const first = key?.hint === undefined ? '' : ` (${key.hint})`;
  return [...found, ...notes, `ready at ${baseUrl} (Ctrl-C stops it). Try${first}:`, '', curl, ''];
}

/** What the worker has seen, which it goes on looking at. */
function answersOf({ providers }: Fleet): Answers {
  return new Map([...providers.values()].map(({ name, models }) => [name, models]));
}
