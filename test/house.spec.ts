import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { globSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

jest.setTimeout(60_000); // the tools start slowly on a busy machine

const root = path.resolve(import.meta.dirname, '..');

/** A rule that was broken, as `rule file`. */
type Finding = string;

let house: string;

/** A house of its own with the configuration of ours, where rules can be broken. */
beforeAll(async () => {
  house = await mkdtemp(path.join(tmpdir(), 'spillway-house-'));
  for (const file of ['package.json', 'tsconfig.json', '.oxlintrc.json', '.dependency-cruiser.js']) {
    await cp(path.join(root, file), path.join(house, file));
  }
  await symlink(path.join(root, 'node_modules'), path.join(house, 'node_modules'));
});

afterAll(() => rm(house, { recursive: true }));

async function plant(files: Readonly<Record<string, string>>): Promise<void> {
  for (const folder of ['apps', 'libs', 'test', 'scripts', 'bench']) {
    await rm(path.join(house, folder), { recursive: true, force: true });
  }
  for (const [file, text] of Object.entries(files)) {
    const target = path.join(house, file);
    await mkdir(path.dirname(target), { recursive: true });
    await writeFile(target, text);
  }
}

function topFolders(files: Readonly<Record<string, string>>): string[] {
  return [...new Set(Object.keys(files).map((file) => file.split('/')[0] ?? ''))];
}

/** The standard output, whatever the exit status. */
async function run(tool: string, ...args: string[]): Promise<string> {
  const command = path.join(root, 'node_modules/.bin', tool);
  return new Promise((resolve) => {
    execFile(command, args, { cwd: house, maxBuffer: 2 ** 26 }, (_error, stdout) => resolve(stdout));
  });
}

async function cruise(files: Readonly<Record<string, string>>): Promise<Finding[]> {
  await plant(files);
  const output = await run(
    'depcruise',
    '--config',
    '.dependency-cruiser.js',
    '--output-type',
    'json',
    ...topFolders(files),
  );
  const { summary } = JSON.parse(output) as {
    summary: { totalCruised: number; violations: { from: string; rule: { name: string } }[] };
  };
  expect(summary.totalCruised).toBeGreaterThanOrEqual(Object.keys(files).length);
  return [...new Set(summary.violations.map(({ from, rule }) => `${rule.name} ${from}`))].toSorted();
}

async function lint(files: Readonly<Record<string, string>>): Promise<Finding[]> {
  await plant(files);
  const { diagnostics } = JSON.parse(await run('oxlint', '--format', 'json', ...topFolders(files))) as {
    diagnostics: { code?: string; filename: string }[];
  };
  return [
    ...new Set(diagnostics.map(({ code, filename }) => `${code ?? 'unused waiver'} ${filename}`)),
  ].toSorted();
}

/** A module of each lib and app, for others to import. */
const modules = {
  'libs/core/src/thing.ts': 'export const thing = 1;\n',
  'libs/config/src/thing.ts': 'export const thing = 1;\n',
  'libs/broker/src/thing.ts': 'export const thing = 1;\n',
  'libs/providers/src/thing.ts': 'export const thing = 1;\n',
  'apps/api/src/thing.ts': 'export const thing = 1;\n',
  'apps/worker/src/thing.ts': 'export const thing = 1;\n',
  'apps/cli/src/thing.ts': 'export const thing = 1;\n',
};

describe('import directions', () => {
  it('lets each folder import what the table gives it', async () => {
    const use = (...names: string[]): string => names.map((name) => `import '${name}';\n`).join('');
    const [core, config, broker, providers] = ['core', 'config', 'broker', 'providers'].map(
      (lib) => `#${lib}/thing.js`,
    ) as [string, string, string, string];
    const nest = ['@nestjs/common', '@nestjs/core', 'reflect-metadata', 'pino'];
    const found = await cruise({
      ...modules,
      'libs/core/src/use.ts': use('./thing.js', 'zod'),
      'libs/config/src/use.ts': use(core, 'yaml', 'node:fs', 'node:path', 'node:crypto'),
      'libs/broker/src/use.ts': use(core, 'bullmq', 'ioredis', 'ulid', 'node:os'),
      'libs/providers/src/use.ts': use(core, 'undici', 'eventsource-parser', 'node:tls'),
      'apps/api/src/use.ts': use(core, broker, config, ...nest, 'fastify', '@nestjs/platform-fastify'),
      'apps/worker/src/use.ts': use(core, broker, config, providers, ...nest),
      'apps/cli/src/use.ts': use(core, broker, config, 'node:child_process'),
      'test/support/tool.ts': use('../../libs/broker/src/thing.js'),
      'libs/broker/src/use.int-spec.ts': use(
        './thing.js',
        '../../../test/support/tool.js',
        '@jest/globals',
        'node:fs',
      ),
      'apps/api/src/use.int-spec.ts': use(core, 'ioredis'),
      'libs/core/src/use.spec.ts': use('./testing/cases.js', 'fast-check', 'node:util'),
      'libs/core/src/testing/cases.ts': use('../thing.js'),
    });
    expect(found).toEqual([]);
  });

  const planted: readonly (readonly [folder: string, module: string, rule?: string])[] = [
    ['libs/core', '#config/thing.js'],
    ['libs/core', '#broker/thing.js'],
    ['libs/core', 'ioredis'],
    ['libs/core', 'node:fs', 'node-modules-in-libs/core'],
    ['libs/core', 'node:crypto', 'node-modules-in-libs/core'],
    ['libs/config', '#broker/thing.js'],
    ['libs/config', 'ioredis'],
    ['libs/config', 'node:net', 'node-modules-in-libs/config'],
    ['libs/broker', '#config/thing.js'],
    ['libs/broker', '#providers/thing.js'],
    ['libs/broker', '@nestjs/common'],
    ['libs/providers', '#broker/thing.js'],
    ['libs/providers', 'ioredis'],
    ['apps/api', '#providers/thing.js'],
    ['apps/api', '../../worker/src/thing.js'],
    ['apps/api', 'undici'],
    ['apps/worker', 'ioredis'],
    ['apps/worker', 'fastify'],
    ['apps/worker', '@nestjs/platform-fastify'],
    ['apps/worker', '../../api/src/thing.js'],
    ['apps/cli', '@nestjs/core'],
    ['apps/cli', '#providers/thing.js'],
    ['apps/cli', '../../api/src/thing.js'],
    ['bench', '../../apps/api/src/thing.js'],
    ['bench', 'pino'],
  ];

  it('refuses everything else, in code and in specs', async () => {
    const files: Record<string, string> = { ...modules };
    const expected: Finding[] = [];
    for (const [index, [folder, module, rule]] of planted.entries()) {
      const [code, spec] = [`${folder}/src/bad-${index}.ts`, `${folder}/src/bad-${index}.spec.ts`];
      files[code] = `import '${module}';\n`;
      expected.push(`${rule ?? `imports-of-${folder}`} ${code}`);
      if (rule !== undefined) continue; // specs may use all of Node
      files[spec] = `import '${module}';\n`;
      expected.push(`imports-of-specs-in-${folder} ${spec}`);
    }
    expect(await cruise(files)).toEqual(expected.toSorted());
  });

  it('sees imports of types alone, and imports that are made later', async () => {
    const found = await cruise({
      ...modules,
      'libs/core/src/of-type.ts': `import type { Redis } from 'ioredis';\nexport type Connection = Redis;\n`,
      'libs/core/src/later.ts': `export const later = () => import('ioredis');\n`,
    });
    expect(found).toEqual([
      'imports-of-libs/core libs/core/src/later.ts',
      'imports-of-libs/core libs/core/src/of-type.ts',
    ]);
  });

  it('refuses a circle, what cannot be found, test code in production, and a folder without a row', async () => {
    const found = await cruise({
      ...modules,
      'libs/core/src/one.ts': `import './other.js';\n`,
      'libs/core/src/other.ts': `import './one.js';\n`,
      'libs/core/src/lost.ts': `import './nowhere.js';\n`,
      'libs/core/src/testing/cases.ts': '',
      'libs/core/src/tested.ts': `import './testing/cases.js';\n`,
      'libs/newcomer/src/use.ts': `import '#core/thing.js';\n`,
      'bench/thing.ts': '',
      'test/measured.ts': `import '../bench/thing.js';\n`,
    });
    expect(found).toEqual([
      'every-folder-has-a-row libs/newcomer/src/use.ts',
      'imports-of-libs/core libs/core/src/lost.ts',
      'no-cycles libs/core/src/one.ts',
      'nobody-imports-bench test/measured.ts',
      'production-never-imports-testing libs/core/src/tested.ts',
      'resolvable libs/core/src/lost.ts',
    ]);
  });
});

describe('lint', () => {
  const environment = `export const home = process.env['HOME'];\n`;

  it('lets only the environment file, the command line, scripts and tests read the environment', async () => {
    const found = await lint({
      'libs/config/src/environment.ts': environment,
      'apps/cli/src/main.ts': environment,
      'scripts/build.ts': environment,
      'test/support/redis.ts': environment,
      'libs/config/src/other.ts': environment,
      'libs/core/src/thing.ts': environment,
      'apps/worker/src/main.ts': environment,
      'apps/api/src/thing.spec.ts': environment,
    });
    expect(found).toEqual([
      'node(no-process-env) apps/api/src/thing.spec.ts',
      'node(no-process-env) apps/worker/src/main.ts',
      'node(no-process-env) libs/config/src/other.ts',
      'node(no-process-env) libs/core/src/thing.ts',
    ]);
  });

  it('refuses what the style forbids', async () => {
    const statements = (count: number): string => '  sum += 1;\n'.repeat(count);
    const longFunction = `export function long(): number {\n  let sum = 0;\n${statements(60)}  return sum;\n}\n`;
    const found = await lint({
      'libs/core/src/any.ts': 'export const thing: any = 1;\n',
      'libs/core/src/bang.ts': 'export const first = (list: readonly number[]): number => list[0]!;\n',
      'libs/core/src/default.ts': 'export default 1;\n',
      'libs/core/src/barrel.ts': `export * from './long.js';\n`,
      'libs/core/src/floating.ts': `async function work(): Promise<void> {}\nexport function go(): void {\n  work();\n}\n`,
      'libs/core/src/misused.ts': 'export const all = [1].filter(async () => Promise.resolve(true));\n',
      'libs/core/src/switch.ts': `export function size(of: 'a' | 'b'): number {\n  switch (of) {\n    case 'a':\n      return 1;\n  }\n  return 0;\n}\n`,
      'libs/core/src/long.ts': longFunction,
      'libs/core/src/long.spec.ts': longFunction,
      'libs/core/src/large.ts': `${'// filler\n'.repeat(300)}export const large = 1;\n`,
      'libs/core/src/console.ts': `console.log('here');\n`,
      'libs/core/src/waiver.ts': '// oxlint-disable-next-line no-console\nexport const fine = 1;\n',
    });
    expect(found.map((finding) => finding.replace('libs/core/src/', ''))).toEqual([
      'eslint(max-lines) large.ts',
      'eslint(max-lines-per-function) long.ts',
      'eslint(no-console) console.ts',
      'import(no-default-export) default.ts',
      'oxc(no-barrel-file) barrel.ts',
      'typescript(no-explicit-any) any.ts',
      'typescript(no-floating-promises) floating.ts',
      'typescript(no-misused-promises) misused.ts',
      'typescript(no-non-null-assertion) bang.ts',
      'typescript(switch-exhaustiveness-check) switch.ts',
      'unused waiver waiver.ts',
    ]);
  });
});

describe('the files of the project', () => {
  const sources = globSync('{apps,libs,test,scripts,bench}/**/*.ts', { cwd: root });

  it('are all there to be looked at', () => {
    expect(sources).toContain(path.join('test', 'house.spec.ts'));
    expect(sources.length).toBeGreaterThan(100);
  });

  it('hold no spec that no suite would run', () => {
    const run = [
      /^(apps|libs|test|bench)\/.*[^.]\.(spec|int-spec)\.ts$/,
      /^test\/.*[^.]\.e2e-spec\.ts$/,
      /^test\/docker\/[^/]*[^.]\.docker-spec\.ts$/,
    ];
    const specs = sources.filter((file) => /(?<![a-z])spec|\.test\./.test(path.basename(file)));
    expect(specs.filter((file) => !run.some((pattern) => pattern.test(file)))).toEqual([]);
  });

  it('hold no enum, no skipped or lone test, and no lint waiver without a reason', async () => {
    const forbidden = [
      /^\s*(export )?(declare )?(const )?enum /m,
      /\b(it|test|describe)\.(skip|only|todo|failing)\b/,
      /\b(xit|xdescribe|fit|fdescribe)\(/,
      /(oxlint|eslint)-disable(?!.* -- )/,
      /@ts-(ignore|nocheck)/,
    ];
    const texts = await Promise.all(
      sources
        .filter((file) => file !== path.join('test', 'house.spec.ts'))
        .map(async (file) => ({ file, text: await readFile(path.join(root, file), 'utf8') })),
    );
    const found = texts.filter(({ text }) => forbidden.some((pattern) => pattern.test(text)));
    expect(found.map(({ file }) => file)).toEqual([]);
  });

  it('name every npm script that a page tells people to run', async () => {
    const { scripts } = JSON.parse(await readFile(path.join(root, 'package.json'), 'utf8')) as {
      scripts: Record<string, string>;
    };
    const pages = globSync('{*.md,docs/**/*.md}', { cwd: root });
    expect(pages).toContain('README.md');
    const named = await Promise.all(
      pages.map(async (page) => {
        const text = await readFile(path.join(root, page), 'utf8');
        return [...text.matchAll(/npm run ([\w:-]+)/g)].map(([, name]) => name ?? '');
      }),
    );
    expect(named.flat().filter((name) => !(name in scripts))).toEqual([]);
  });
});
