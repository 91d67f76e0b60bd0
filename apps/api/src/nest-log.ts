import type { LoggerService } from '@nestjs/common';
import type { Logger } from 'pino';

/** Nest's own words, in our log. What it says while it starts is for developers. */
export class NestLog implements LoggerService {
  constructor(private readonly pino: Logger) {}

  log(message: unknown, ...rest: unknown[]): void {
    this.pino.debug({ nest: rest.at(-1) }, String(message));
  }

  warn(message: unknown, ...rest: unknown[]): void {
    this.pino.warn({ nest: rest.at(-1) }, String(message));
  }

  error(message: unknown, ...rest: unknown[]): void {
    this.pino.error({ nest: rest.at(-1) }, String(message));
  }
}
