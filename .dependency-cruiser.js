/**
 * The import directions of the project, as one table: what each folder may reach of ours and of packages. Everything
 * else is refused. `test/house.spec.ts` plants a violation of each row and of each rule below.
 */
const folders = {
  'libs/core': { ours: [], packages: ['zod'], node: [] },
  'libs/config': { ours: ['libs/core'], packages: ['yaml'], node: ['fs', 'path', 'crypto'] },
  'libs/broker': { ours: ['libs/core'], packages: ['bullmq', 'ioredis', 'ulid'] },
  'libs/providers': {
    ours: ['libs/core'],
    packages: [
      ...['undici', 'eventsource-parser', '@ai-sdk/provider'],
      ...['@ai-sdk/anthropic', '@ai-sdk/google', '@ai-sdk/amazon-bedrock'],
    ],
  },
  'apps/api': {
    ours: ['libs/core', 'libs/broker', 'libs/config'],
    packages: [
      ...['@nestjs/common', '@nestjs/core', '@nestjs/platform-fastify', 'reflect-metadata', 'rxjs'],
      ...['fastify', 'class-validator', 'class-transformer', 'prom-client'],
      ...['pino', 'swagger-ui-dist'],
    ],
    // They look at what Redis holds behind the broker's back, and check the document as its readers would.
    inSpecs: ['ioredis', 'ajv'],
  },
  'apps/worker': {
    ours: ['libs/core', 'libs/broker', 'libs/config', 'libs/providers'],
    packages: [...['@nestjs/common', '@nestjs/core', 'reflect-metadata', 'rxjs', 'prom-client'], 'pino'],
  },
  'apps/cli': { ours: ['libs/core', 'libs/broker', 'libs/config'], packages: [] },
  bench: {
    ours: ['libs/core', 'libs/broker', 'libs/providers', 'apps/cli', 'test/support', 'test/chaos'],
    packages: ['bullmq', 'fastify', 'ioredis', 'undici', 'ulid', 'yaml', 'zod'],
  },
};

/** Specs may use the test runner and test/support as well; files under `testing/` serve specs alone. */
const forSpecs = { ours: ['test/support'], packages: ['@jest/globals', 'fast-check'] };
const specsIn = (folder) => [`${folder}/.*[.](spec|int-spec)[.]ts$`, `${folder}/.*/testing/`];

function rulesOf([folder, { ours, packages, node, inSpecs = [] }]) {
  const code = { path: `^${folder}/`, pathNot: specsIn(`^${folder}`) };
  const mayImport = (ownFolders, names) => ({
    dependencyTypesNot: ['core'],
    pathNot: [...ownFolders.map((own) => `^${own}/`), ...names.map((name) => `node_modules/${name}/`)],
  });
  const rules = [
    { name: `imports-of-${folder}`, from: code, to: mayImport([folder, ...ours], packages) },
    {
      name: `imports-of-specs-in-${folder}`,
      from: { path: specsIn(`^${folder}`) },
      to: mayImport([folder, ...ours, ...forSpecs.ours], [...packages, ...inSpecs, ...forSpecs.packages]),
    },
  ];
  if (node) {
    const to = { dependencyTypes: ['core'], pathNot: node.map((name) => `^${name}$`) };
    rules.push({ name: `node-modules-in-${folder}`, from: code, to });
  }
  return rules.map((rule) => ({ severity: 'error', ...rule }));
}

export default {
  forbidden: [
    ...Object.entries(folders).flatMap(rulesOf),
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    { name: 'resolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
    {
      name: 'production-never-imports-testing',
      severity: 'error',
      from: { path: '^(apps|libs)/', pathNot: specsIn('^(apps|libs)') },
      to: { path: [...specsIn('^(apps|libs)'), '^test/'] },
    },
    {
      name: 'nobody-imports-bench',
      severity: 'error',
      from: { path: '^(apps|libs|test|scripts)/' },
      to: { path: '^bench/' },
    },
    {
      name: 'every-folder-has-a-row',
      severity: 'error',
      comment: 'A new app or lib needs its row in the table above.',
      from: { path: '^(apps|libs)/', pathNot: Object.keys(folders).map((folder) => `^${folder}/`) },
      to: {},
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^dist/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      conditionNames: ['spillway-source', 'import', 'node', 'default', 'types'],
      exportsFields: ['exports'],
      extensions: ['.ts', '.js', '.json'],
      mainFields: ['module', 'main', 'types'],
    },
  },
};
