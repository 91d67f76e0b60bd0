import type { Step } from './steps.ts';

function tool(name: string, ...args: string[]): Step['command'] {
  return [`node_modules/.bin/${name}`, ...args];
}

/** The checks in the order in which their failures are best read. */
export const checkSteps: readonly Step[] = [
  { name: 'types', command: tool('tsc', '--noEmit') },
  { name: 'build', command: [process.execPath, 'scripts/build.ts'] },
  { name: 'lint', command: tool('oxlint') },
  {
    name: 'import directions',
    command: tool(
      'depcruise',
      '--config',
      '.dependency-cruiser.js',
      'apps',
      'libs',
      'test',
      'scripts',
      'bench',
    ),
  },
  { name: 'unused code', command: tool('knip') },
  { name: 'format', command: tool('prettier', '--check', '--log-level', 'warn', '.') },
  { name: 'generated files', command: [process.execPath, 'scripts/check-generated.ts'] },
  // A lock without the packages of another platform breaks only there, and only at the next install.
  {
    name: 'package lock',
    command: ['npm', 'ci', '--dry-run', '--ignore-scripts', '--offline', '--no-audit', '--no-fund'],
  },
];
