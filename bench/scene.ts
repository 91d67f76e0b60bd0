import type { Target, TargetProcess } from './contract.js';
import { LoadProcess } from './load-process.js';
import { RedisMeter } from './sampling/redis-figures.js';
import { targetStarts, type TargetName } from './targets.js';
import { UpstreamProcess } from './upstream-process.js';

/** A target that runs, and what counts its Redis. */
export interface RunningTarget {
  readonly target: Target;
  readonly meter: RedisMeter | undefined;
}

/** The processes of a run: the upstream, the load, and the targets that are wanted now. */
export class Scene {
  /** Targets that cannot be had on this machine, and why. */
  readonly missing = new Map<string, string>();
  private readonly running = new Map<TargetName, RunningTarget>();

  private constructor(
    readonly upstream: UpstreamProcess,
    readonly load: LoadProcess,
    private readonly log: (line: string) => void,
  ) {}

  static async start(log: (line: string) => void): Promise<Scene> {
    return new Scene(await UpstreamProcess.start(), LoadProcess.start(), log);
  }

  /** `http://127.0.0.1:<port>`, without a path. */
  get upstreamUrl(): string {
    return new URL(this.upstream.url).origin;
  }

  /**
   * These targets, and no others: an idle neighbour would cost CPU, too. A target that runs already stays as it is.
   *
   * @returns those that this machine can have, in the given order
   */
  async keep(names: readonly TargetName[]): Promise<RunningTarget[]> {
    for (const name of this.running.keys()) if (!names.includes(name)) await this.end(name);
    const wanted: RunningTarget[] = [];
    // One after the other: Node and Python use every core while they start, and would wait for each other.
    for (const name of names) {
      const target = this.running.get(name) ?? (await this.begin(name));
      if (target) wanted.push(target);
    }
    return wanted;
  }

  /** @throws if it does not run */
  get(name: TargetName): RunningTarget {
    const running = this.running.get(name);
    if (!running) throw new Error(`${name} does not run`);
    return running;
  }

  /** The same target in new processes, as if nothing had ever been asked of it. */
  async renew(name: TargetName): Promise<RunningTarget> {
    await this.end(name);
    const target = await this.begin(name);
    if (!target) throw new Error(`${name} did not start again`);
    return target;
  }

  /** Every process of the run but the runner's own. */
  get processes(): readonly Pick<TargetProcess, 'pid'>[] {
    const targets = [...this.running.values()].flatMap(({ target }) => target.processes);
    return [{ pid: this.upstream.pid }, { pid: this.load.pid }, ...targets];
  }

  async stop(): Promise<void> {
    for (const name of this.running.keys()) await this.end(name);
    await Promise.all([this.load.stop(), this.upstream.stop()]);
  }

  private async begin(name: TargetName): Promise<RunningTarget | undefined> {
    if (this.missing.has(name)) return undefined;
    this.log(`starting ${name}`);
    const target = await targetStarts[name](this.upstreamUrl);
    if ('missing' in target) {
      this.missing.set(name, target.missing);
      this.log(`without ${name}: ${target.missing}`);
      return undefined;
    }
    const meter = target.redisUrl === undefined ? undefined : await RedisMeter.connect(target.redisUrl);
    const running = { target, meter };
    this.running.set(name, running);
    return running;
  }

  private async end(name: TargetName): Promise<void> {
    const running = this.running.get(name);
    this.running.delete(name);
    running?.meter?.close();
    await running?.target.stop();
  }
}
