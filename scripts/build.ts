// Compiles apps and libs to dist/, with the files that the compiler does not take along.
import { spawnSync } from 'node:child_process';
import { cpSync, globSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { root } from './steps.ts';

const startedAt = new Date();
process.chdir(root);
rmSync('dist', { recursive: true, force: true });
const compiler = path.join('node_modules', 'typescript', 'bin', 'tsc');
const { status } = spawnSync(process.execPath, [compiler, '-p', 'tsconfig.build.json'], { stdio: 'inherit' });
if (status === 0) {
  for (const file of globSync('{apps,libs}/*/src/**/*.lua')) cpSync(file, path.join('dist', file));
  // `./spillway` builds again when a source is newer than this stamp; one changed during the build is.
  writeFileSync('dist/.built', '');
  utimesSync('dist/.built', startedAt, startedAt);
}
process.exitCode = status ?? 1;
