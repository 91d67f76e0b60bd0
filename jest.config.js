/** Jest in ESM mode; the scripts in package.json give Node `--experimental-vm-modules`. */
const shared = {
  testEnvironment: 'node',
  // The `spillway-source` condition makes the `#core/…` aliases resolve to TypeScript, as in tsc.
  testEnvironmentOptions: { customExportConditions: ['spillway-source', 'node', 'node-addons'] },
  modulePathIgnorePatterns: ['<rootDir>/dist/', '<rootDir>/.cache/'],
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  transform: {
    '\\.ts$': [
      '@swc/jest',
      {
        module: { type: 'es6' },
        jsc: {
          target: 'es2024',
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true },
        },
      },
    ],
  },
};

export default {
  // A test waits for events; on a loaded machine they take longer than Jest's own 5 s. Not a project's own setting.
  testTimeout: 40_000,
  projects: [
    { ...shared, displayName: 'unit', testMatch: ['<rootDir>/{apps,libs,test,bench}/**/*.spec.ts'] },
    {
      ...shared,
      displayName: 'integration',
      testMatch: ['<rootDir>/{apps,libs,test,bench}/**/*.int-spec.ts'],
    },
    {
      ...shared,
      displayName: 'e2e',
      testMatch: ['<rootDir>/test/**/*.e2e-spec.ts'],
    },
    {
      ...shared,
      displayName: 'docker',
      testMatch: ['<rootDir>/test/docker/*.docker-spec.ts'],
    },
  ],
};
