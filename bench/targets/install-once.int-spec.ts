import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { installOnce, isInstalled, runInstaller } from './install-once.js';

let root: string;
let directory: string;
let pins: string;
let installs: number;

const install = async () => {
  installs++;
  await writeFile(path.join(directory, `install-${installs}`), '');
};

beforeEach(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'spillway-install-'));
  [directory, pins] = [path.join(root, 'there'), path.join(root, 'pins.txt')];
  await writeFile(pins, 'one==1');
  installs = 0;
});

afterEach(() => rm(root, { recursive: true, force: true }));

describe('an installation', () => {
  it('is made once', async () => {
    expect(await isInstalled({ directory, pins })).toBe(false);
    expect(await installOnce({ directory, pins, install })).toBeUndefined();
    expect(await isInstalled({ directory, pins })).toBe(true);
    expect(await installOnce({ directory, pins, install })).toBeUndefined();
    expect(installs).toBe(1);
  });

  it('is made anew, from nothing, for other versions', async () => {
    await installOnce({ directory, pins, install });
    await writeFile(pins, 'one==2');
    expect(await isInstalled({ directory, pins })).toBe(false);
    await installOnce({ directory, pins, install });
    expect(await readdir(directory)).toEqual(expect.not.arrayContaining(['install-1']));
    expect(await readdir(directory)).toEqual(expect.arrayContaining(['install-2']));
  });

  it('that failed is told with its reason, and tried again', async () => {
    const fail = () =>
      runInstaller(directory, process.execPath, [
        '-e',
        'console.error("error: no network"); process.exit(1)',
      ]);
    expect(await installOnce({ directory, pins, install: fail })).toBe('error: no network');
    expect(await isInstalled({ directory, pins })).toBe(false);
    expect(await installOnce({ directory, pins, install })).toBeUndefined();
    expect(installs).toBe(1);
  });

  it('without its installer says which one is missing', async () => {
    const absent = () => runInstaller(directory, 'no-such-installer', []);
    expect(await installOnce({ directory, pins, install: absent })).toBe(
      'there is no no-such-installer on PATH',
    );
  });
});
