import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { pino, type Logger } from 'pino';
import { Broker } from '#broker/broker.js';
import { ConfigError } from '#config/config-error.js';
import type { Environment } from '#config/environment.js';
import { loadConfig } from '#config/load-config.js';
import { ApiSettings } from './api-settings.js';
import { ApplicationKeys } from './application-keys.js';
import { createApi } from './create-api.js';
import { LogOutput } from './log-output.js';

/** How long a drain may overrun its time before the process ends all the same, ms. */
const DRAIN_OVERRUN_MS = 4_000;

async function main(): Promise<void> {
  const { config, environment, applicationKeys } = loadConfig({ for: 'api' });
  const log = newLog(environment);
  const isOpen = Object.keys(config.applications).length === 0;
  const settings = new ApiSettings(config, new ApplicationKeys(applicationKeys, isOpen), log);
  const broker = new Broker({ redis: config.redis, allowVolatile: environment.allowVolatile, log });
  await broker.start();
  const app = await createApi(settings, broker);
  // Else Nest ends the process by the same signal again, which looks like a crash to whatever supervises it.
  app.enableShutdownHooks([], { useProcessExit: true });
  // Redis away for ever, a client that reads nothing: nothing may keep a stopped server alive.
  process.once('SIGTERM', () =>
    setTimeout(() => process.exit(1), settings.drainMs + DRAIN_OVERRUN_MS).unref(),
  );
  const address = await listen(app, config.server);
  process.stdout.write(`spillway api: listening on ${address}\n`);
}

/** Fastify's own `listen`: that of Nest logs a failure, too, and the caller tells it. */
async function listen(app: NestFastifyApplication, at: { host: string; port: number }): Promise<string> {
  const { host, port } = at;
  return app
    .getHttpAdapter()
    .getInstance()
    .listen({ host, port })
    .catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EADDRINUSE') throw error;
      throw new Error(
        `${host}:${port} is taken by another process; stop it, or choose another port with PORT.`,
      );
    });
}

/** LOG_LEVEL: fatal, error, warn, info, debug, trace or silent. Default info. */
function newLog({ variables }: Environment): Logger {
  const level = variables['LOG_LEVEL']?.toLowerCase() ?? '';
  const output = new LogOutput(pino.destination({ fd: process.stdout.fd, sync: true }));
  process.once('exit', () => output.flush());
  const known = level in pino.levels.values || level === 'silent';
  return pino({ name: 'api', level: known ? level : 'info' }, output);
}

main().catch((error: unknown) => {
  const text = error instanceof ConfigError || error instanceof Error ? error.message : String(error);
  process.stderr.write(`spillway api: ${text}\n`);
  process.exit(1);
});
