import { execFile } from 'node:child_process';
import { mkdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

/** The OpenAI SDK for Python that the tests run. */
export const PYTHON_SDK = '3.22.1';

const HOME = path.resolve('.cache/python');
/** A first install downloads about 20 MB. */
export const PYTHON_SETUP_MS = 180_000;
const REMEDY =
  'The tests of the Python SDK need python3 (3.10 or newer) with venv, and pip with a package index it can reach. ' +
  'On Debian: apt-get install python3 python3-venv. Then run this again.';

const run = promisify(execFile);

/**
 * The folder with `python`, in a virtual environment under `.cache/python` that has the SDK: made on the first call,
 * used again while it holds this version.
 * @throws Error with what to install where there is no python3 with venv, or pip cannot install.
 */
export async function preparePython(): Promise<string> {
  const bin = path.join(HOME, 'bin');
  if ((await installedSdk(bin)) === PYTHON_SDK) return bin;
  // Made aside and moved: a half-made one is never used, and of two at once the later one takes the other's.
  const draft = `${HOME}-${process.pid}`;
  await mkdir(path.dirname(HOME), { recursive: true });
  try {
    await carryOut('python3', ['-m', 'venv', '--clear', draft]);
    const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', `openai==${PYTHON_SDK}`];
    await carryOut(path.join(draft, 'bin/python'), pip);
    if ((await installedSdk(bin)) !== PYTHON_SDK) {
      await rm(HOME, { recursive: true, force: true });
      await rename(draft, HOME);
    }
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
  const installed = await installedSdk(bin);
  if (installed !== PYTHON_SDK)
    throw new Error(`${HOME} has openai ${installed}, not ${PYTHON_SDK}. ${REMEDY}`);
  return bin;
}

/** The version of the SDK there, or undefined where there is none or no Python that runs. */
async function installedSdk(bin: string): Promise<string | undefined> {
  const code = 'import importlib.metadata as m; print(m.version("openai"))';
  return run(path.join(bin, 'python'), ['-c', code]).then(
    ({ stdout }) => stdout.trim(),
    () => undefined,
  );
}

async function carryOut(command: string, args: readonly string[]): Promise<void> {
  try {
    await run(command, args, { timeout: PYTHON_SETUP_MS - 20_000 });
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: string; stderr?: string };
    const said = [stdout, stderr, stderr ? '' : String(error)].filter(Boolean).join('\n');
    throw new Error(`${[command, ...args].join(' ')} failed:\n${said}\n${REMEDY}`, { cause: error });
  }
}
