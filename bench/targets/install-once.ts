import { execFile } from 'node:child_process';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const LONGEST_MS = 600_000;

export interface Installation {
  /** Where it goes; whatever else is there is removed. */
  readonly directory: string;
  /** The file whose text says which versions it has; another text is another installation. */
  readonly pins: string;
  /** Makes it in the empty directory. */
  install(): Promise<void>;
}

/** Whether exactly this is there, whole. */
export async function isInstalled({ directory, pins }: Omit<Installation, 'install'>): Promise<boolean> {
  const stamp = await readFile(stampOf(directory), 'utf8').catch(() => undefined);
  return stamp === (await readFile(pins, 'utf8'));
}

/**
 * Installs what is not there yet; from then on no network is needed.
 * @returns why it cannot be installed here, or undefined: it is there.
 */
export async function installOnce(installation: Installation): Promise<string | undefined> {
  const { directory, pins } = installation;
  if (await isInstalled(installation)) return undefined;
  await rm(directory, { recursive: true, force: true });
  await mkdir(directory, { recursive: true });
  try {
    await installation.install();
  } catch (error) {
    return describe(error as Error);
  }
  // Last, so that half an installation is never taken for a whole one.
  await writeFile(stampOf(directory), await readFile(pins, 'utf8'));
  return undefined;
}

/** Runs an installer in this directory, with our own environment: it knows the way to the packages. */
export async function runInstaller(
  directory: string,
  command: string,
  args: readonly string[],
): Promise<void> {
  await run(command, args, { cwd: directory, timeout: LONGEST_MS, maxBuffer: 64 * 1024 * 1024 });
}

function stampOf(directory: string): string {
  return path.join(directory, '.installed');
}

/** The last line that an installer wrote says why it gave up. */
function describe(error: Error & { code?: unknown; path?: string; stderr?: string }): string {
  if (error.code === 'ENOENT') return `there is no ${error.path} on PATH`;
  const lines = error.stderr?.trim().split('\n') ?? [];
  return lines.findLast((line) => /err/i.test(line)) ?? lines.at(-1) ?? error.message;
}
