// Writes the generated files anew in a temporary folder and compares them with those in docs/.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { root } from './steps.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'spillway-docs-'));
try {
  cpSync(path.join(root, 'docs'), path.join(folder, 'docs'), { recursive: true });
  const statuses = ['libs/config/src/write-docs.js', 'apps/api/src/openapi/write-docs.js'].map((program) => {
    const file = path.join(root, 'dist', program);
    return spawnSync(process.execPath, [file], { cwd: folder, stdio: 'inherit' }).status;
  });
  const files = readdirSync(path.join(folder, 'docs'), { recursive: true, encoding: 'utf8' });
  const stale = files.filter((file) => !isSame(path.join('docs', file)));
  for (const file of stale) process.stderr.write(`docs/${file} is out of date; run: npm run generate\n`);
  process.exitCode = statuses.every((status) => status === 0) && stale.length === 0 ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true });
}

function isSame(file: string): boolean {
  const [written, committed] = [folder, root].map((base) => read(path.join(base, file)));
  return written === committed;
}

/** Undefined for a folder and for a file that is not there. */
function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
