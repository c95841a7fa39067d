import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { build } from 'rolldown';

/** ssh2's compiled part stays where npm built it, if it did; without it ssh2 goes on in JavaScript. */
const compiled = {
  name: 'compiled',
  resolveId: (source, importer) =>
    source.endsWith('.node')
      ? { id: join(dirname(importer), source).split('/node_modules/').at(-1), external: true }
      : undefined,
};

// Makes dist/, which is what the tests run and what is shipped: the sources with their packages, in files that are
// loaded when a command needs them.
await build({
  input: {
    'cli/main': 'src/cli/main.ts',
    'app/verify-recipes': 'src/app/verify-recipes.ts',
    'sandbox/main': 'src/sandbox/main.ts',
    'sandbox/endpoint': 'src/sandbox/endpoint.ts',
    'config/generate': 'src/config/generate.ts',
  },
  platform: 'node',
  external: ['cpu-features'],
  plugins: [compiled],
  resolve: {
    mainFields: ['module', 'main'],
    // dockerode loads them for builds with BuildKit, which nothing here does: three quarters of its code.
    alias: { '@grpc/grpc-js': false, '@grpc/proto-loader': false, protobufjs: false },
  },
  transform: { define: { __dirname: 'import.meta.dirname', __filename: 'import.meta.filename' } },
  checks: { ineffectiveDynamicImport: false },
  onLog: (level, { message }) => {
    if (level === 'warn') throw new Error(message);
  },
  output: {
    dir: 'dist',
    cleanDir: true,
    // As deep as the sources, for the package's folder is two above a file. Not minified, so that bugs can be read.
    chunkFileNames: 'chunks/[name].js',
  },
});

// The recipes do not change either: dist/recipes.json says that they were checked.
await import('./dist/app/verify-recipes.js');

// The help of the whole does not change any more: bin/oneclick answers with this, without loading the commands.
writeFileSync('dist/help.txt', execFileSync(process.execPath, ['bin/oneclick', '--help']));
