import { existsSync } from 'node:fs';
import { chmod, cp, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Child } from './child.js';

const project = path.resolve(import.meta.dirname, '../..');

/** What the launcher looks at. Copied with its times, because it compares them. */
const COPIED = [
  'spillway',
  'dist',
  'apps',
  'libs',
  'scripts',
  'package.json',
  'package-lock.json',
  'tsconfig.json',
  'tsconfig.build.json',
];

/** Nobody listens there: what runs on the machine of whoever runs the tests must not be found by them. */
const NO_MODEL_SERVERS = {
  OLLAMA_BASE_URL: 'http://127.0.0.1:9/v1',
  VLLM_BASE_URL: 'http://127.0.0.1:9/v1',
  LLAMA_SERVER_BASE_URL: 'http://127.0.0.1:9/v1',
};

export interface RunOptions {
  /** Added to PATH and HOME, or instead of them. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/**
 * A copy of the project in a folder with a space in its name, for the launcher to work in. Its `bin` folder is first
 * on PATH and holds an `npm` that changes nothing and says how it was called: the packages are those of the project.
 */
export class Checkout {
  private readonly running: Child[] = [];

  private constructor(
    /** Holds nothing else; the copy is in `root`. */
    readonly folder: string,
    readonly root: string,
  ) {}

  static async make(): Promise<Checkout> {
    if (!existsSync(path.join(project, 'dist/.built'))) throw new Error('Not built yet; run: npm run build');
    const folder = await mkdtemp(path.join(tmpdir(), 'spillway-checkout-'));
    const root = path.join(folder, 'spill way');
    for (const name of COPIED) {
      const options = { recursive: true, preserveTimestamps: true };
      await cp(path.join(project, name), path.join(root, name), options);
    }
    await linkPackages(path.join(root, 'node_modules'));
    await writeFile(path.join(root, 'dist/.built'), ''); // built by whoever runs the tests; now newer than every source
    const checkout = new Checkout(folder, root);
    await checkout.command('npm', 'echo "npm was called: $*"');
    await symlink(process.execPath, path.join(root, 'bin/node'));
    return checkout;
  }

  /** Puts a shell script on PATH, before everything else. */
  async command(name: string, script: string): Promise<void> {
    const file = path.join(this.root, 'bin', name);
    await mkdir(path.dirname(file), { recursive: true });
    await rm(file, { force: true });
    await writeFile(file, `#!/bin/sh\n${script}\n`);
    await chmod(file, 0o755);
  }

  /** Starts `./spillway`. Default working directory: one that holds nothing. */
  spillway(args: readonly string[], { env = {}, cwd = tmpdir() }: RunOptions = {}): Child {
    const searchPath = [path.join(this.root, 'bin'), process.env['PATH'] ?? ''].join(path.delimiter);
    const child = Child.start(`spillway ${args.join(' ')}`, path.join(this.root, 'spillway'), args, {
      cwd,
      env: { PATH: searchPath, ...NO_MODEL_SERVERS, ...env },
    });
    this.running.push(child);
    return child;
  }

  /** Runs `./spillway` to its end. */
  async run(
    args: readonly string[],
    options?: RunOptions,
  ): Promise<{ status: number | null; output: string }> {
    const child = this.spillway(args, options);
    const status = await child.exited;
    return { status, output: child.output };
  }

  /** Writes `spillway.yaml`; JSON is YAML. */
  async configure(config: object): Promise<void> {
    await writeFile(path.join(this.root, 'spillway.yaml'), JSON.stringify(config));
  }

  /** Ends what was started, and removes `spillway.yaml`: the state of a fresh copy. */
  async reset(): Promise<void> {
    await Promise.all(this.running.splice(0).map((child) => child.end('SIGKILL')));
    await rm(path.join(this.root, 'spillway.yaml'), { force: true });
  }

  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}

/**
 * A folder of links, never a link to the folder: an `npm ci` that gets here by mistake empties what it finds, and must
 * find links. Newer than the lock, as after an install.
 */
async function linkPackages(folder: string): Promise<void> {
  await mkdir(folder);
  for (const name of await readdir(path.join(project, 'node_modules'))) {
    await symlink(path.join(project, 'node_modules', name), path.join(folder, name));
  }
  await rm(path.join(folder, '.package-lock.json'), { force: true });
  await writeFile(path.join(folder, '.package-lock.json'), '{}');
}
