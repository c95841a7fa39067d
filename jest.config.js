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
 * `unit` needs only Node. `machines` needs Docker and the sandbox (see bin/test). So does `faults`, which is slow
 * (npm run test:exhaustive).
 */
export default {
  testSequencer: '<rootDir>/test/sequencer.cjs',
  // Generous, because tests share the cores with other processes.
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
