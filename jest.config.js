const base = {
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      { jsc: { target: 'es2022', parser: { syntax: 'typescript' } }, module: { type: 'es6' } },
    ],
  },
};

/**
 * `unit` needs nothing but Node; `machines` needs Docker and the sandbox (see bin/test), and so does `faults`, which takes
 * long (npm run test:exhaustive).
 */
export default {
  testSequencer: '<rootDir>/test/sequencer.cjs',
  // Properties and processes share the cores with others: a slow test is told from a hung one by minutes.
  testTimeout: 60_000,
  projects: [
    { ...base, displayName: 'unit', testMatch: ['<rootDir>/test/unit/**/*.test.ts'] },
    {
      ...base,
      displayName: 'machines',
      testMatch: ['<rootDir>/test/{contract,integration,acceptance}/**/*.test.ts'],
    },
    { ...base, displayName: 'faults', testMatch: ['<rootDir>/test/faults/**/*.test.ts'] },
  ],
};
