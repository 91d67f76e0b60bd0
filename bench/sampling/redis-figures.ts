import { Redis } from 'ioredis';

/** What a Redis was asked to do in a window. */
export interface RedisFigures {
  /** Commands, those that scripts call among them: Redis counts both alike. */
  readonly commands: number;
  /** Scripts that were run. */
  readonly scripts: number;
  /** Time inside scripts, µs. */
  readonly scriptUs: number;
  /** How often each command was run. */
  readonly calls: Readonly<Record<string, number>>;
}

/** How a Redis counts the runs of scripts. */
const SCRIPT_COMMANDS = new Set(['eval', 'evalsha', 'eval_ro', 'evalsha_ro', 'fcall', 'fcall_ro']);
/** Asked by ourselves. */
const OURS = new Set(['info', 'config|resetstat', 'ping', 'hello', 'client|setinfo', 'client|setname']);

/** Counts what one Redis does, from one moment to the next. */
export class RedisMeter {
  private constructor(private readonly redis: Redis) {}

  static async connect(url: string): Promise<RedisMeter> {
    const redis = new Redis(url, { lazyConnect: true });
    await redis.connect();
    return new RedisMeter(redis);
  }

  async start(): Promise<void> {
    await this.redis.config('RESETSTAT');
  }

  /** Since `start`. */
  async read(): Promise<RedisFigures> {
    return parseCommandStats(await this.redis.info('commandstats'));
  }

  close(): void {
    this.redis.disconnect();
  }
}

/** `INFO commandstats`: a line `cmdstat_<name>:calls=…,usec=…,…` for each command. */
export function parseCommandStats(text: string): RedisFigures {
  let [commands, scripts, scriptUs] = [0, 0, 0];
  const counted: Record<string, number> = {};
  for (const [, name = '', calls, usec] of text.matchAll(/^cmdstat_([^:]+):calls=(\d+),usec=(\d+)/gm)) {
    if (OURS.has(name)) continue;
    commands += Number(calls);
    counted[name] = Number(calls);
    if (!SCRIPT_COMMANDS.has(name)) continue;
    scripts += Number(calls);
    scriptUs += Number(usec);
  }
  return { commands, scripts, scriptUs, calls: counted };
}
