import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readFile, rm } from 'node:fs/promises';
import { copyProject, ownName } from '../support/compose-stack.js';
import { docker, whenWeAreGone } from '../support/docker.js';

/** Building from nothing fetches every package. */
const BUILD_MS = 300_000;
/** The base image is most of it. What we add may not grow unseen. */
const MOST_MB_OF_OURS = 60;

/** Runs in the image: all that the tests want to know of it. */
const LOOK = `
  const fs = require('fs');
  const files = fs.readdirSync('/app', { recursive: true });
  const cannotWrite = (file) => { try { fs.writeFileSync(file, ''); return false; } catch { return true; } };
  const ours = files.filter((file) => !file.startsWith('node_modules/'));
  const packages = files.filter((file) => /(^|\\/)node_modules\\/(@[^/]+\\/)?[^/@.][^/]*$/.test(file));
  console.log(JSON.stringify({
    uid: process.getuid(),
    version: process.versions.node,
    ours,
    packages: packages.filter((name) => fs.existsSync('/app/' + name + '/package.json')),
    protectedFiles: ['/app/package.json', '/app/dist/apps/api/src/main.js', '/app/new'].filter(cannotWrite),
  }));`;

interface Look {
  readonly uid: number;
  readonly version: string;
  readonly ours: readonly string[];
  readonly packages: readonly string[];
  readonly protectedFiles: readonly string[];
}

describe('the image', () => {
  const name = ownName();
  let folder: string;
  let look: Look;
  let callOff: () => void;

  beforeAll(async () => {
    folder = await copyProject();
    callOff = whenWeAreGone(`docker image rm ${name}; rm -rf ${folder}`);
    const startedAt = performance.now();
    await docker(['build', '-q', '-t', name, '.'], { cwd: folder });
    const seconds = (performance.now() - startedAt) / 1000;
    const mb = Number(await docker(['image', 'inspect', name, '--format', '{{.Size}}'])) / 1e6;
    process.stdout.write(`the image: ${mb.toFixed(0)} MB, built in ${seconds.toFixed(1)} s\n`);
    look = JSON.parse(await docker(['run', '--rm', name, 'node', '-e', LOOK])) as Look;
  }, BUILD_MS);

  afterAll(async () => {
    await docker(['image', 'rm', name]);
    await rm(folder, { recursive: true, force: true });
    callOff();
  });

  it('runs as a user without rights, who cannot change what runs', () => {
    expect(look.uid).toBe(1000);
    expect(look.protectedFiles).toEqual(['/app/package.json', '/app/dist/apps/api/src/main.js', '/app/new']);
  });

  it('runs the Node that the project is made for', () => {
    expect(look.version).toMatch(/^24\./);
  });

  it('holds the packages that production needs, and no other', async () => {
    const lock = JSON.parse(await readFile('package-lock.json', 'utf8')) as {
      packages: Readonly<Record<string, { dev?: boolean; optional?: boolean }>>;
    };
    const { dependencies, devDependencies } = JSON.parse(await readFile('package.json', 'utf8')) as Readonly<
      Record<'dependencies' | 'devDependencies', Readonly<Record<string, string>>>
    >;
    const wanted = Object.keys(dependencies).map((each) => `node_modules/${each}`);
    // A few of our tools are packages that production needs as well.
    const isUnwanted = (each: string) => lock.packages[each]?.dev === true;
    const tools = Object.keys(devDependencies).map((each) => `node_modules/${each}`);
    expect(tools.filter(isUnwanted).length).toBeGreaterThan(tools.length / 2);
    expect(look.packages).toEqual(expect.arrayContaining(wanted));
    expect(look.packages.filter(isUnwanted)).toEqual([]);
  });

  it('holds the built files, and neither sources nor tests', () => {
    expect(look.ours).toEqual(
      expect.arrayContaining(['dist/apps/api/src/main.js', 'dist/apps/worker/src/main.js', 'package.json']),
    );
    expect(look.ours.filter((file) => /spec\.|\/testing(\/|$)|\.lock|\.env|[^d]\.ts$/.test(file))).toEqual(
      [],
    );
    const top = new Set(look.ours.map((file) => file.split('/')[0]));
    expect(top).toEqual(new Set(['dist', 'node_modules', 'package.json']));
  });

  it('adds little to its base', async () => {
    const [size, base] = await Promise.all(
      [name, 'node:24-slim'].map(async (image) =>
        Number(await docker(['image', 'inspect', image, '--format', '{{.Size}}'])),
      ),
    );
    expect(((size ?? NaN) - (base ?? NaN)) / 1e6).toBeLessThan(MOST_MB_OF_OURS);
  });
});
