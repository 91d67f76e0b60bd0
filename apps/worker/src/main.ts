import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { pino } from 'pino';
import { ConfigError } from '#config/config-error.js';
import { loadConfig } from '#config/load-config.js';
import { WorkerModule } from './worker.module.js';

/** How long a drain may overrun its time before the process ends all the same, ms. */
const DRAIN_OVERRUN_MS = 4_000;

async function main(): Promise<void> {
  const loaded = loadConfig({ for: 'worker' });
  const log = pino({ name: 'worker' });
  const app = await NestFactory.createApplicationContext(WorkerModule.of(loaded, log), {
    logger: ['error', 'fatal'],
    abortOnError: false,
  });
  // Else Nest ends the process by the same signal again, which looks like a crash to whatever supervises it.
  app.enableShutdownHooks([], { useProcessExit: true });
  // Redis away for ever, an upstream that does not let go: nothing may keep a stopped worker alive.
  const { drainMs } = loaded.config.worker;
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    process.once(signal, () => setTimeout(() => process.exit(1), drainMs + DRAIN_OVERRUN_MS).unref());
  }
}

main().catch((error: unknown) => {
  const text = error instanceof ConfigError || error instanceof Error ? error.message : String(error);
  process.stderr.write(`spillway worker: ${text}\n`);
  process.exit(1);
});
