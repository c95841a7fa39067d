import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { build } from 'rolldown';
import { licensePlugin } from 'rolldown-license-plugin';

/** The licences that the bundled packages may have: all ask for no more than their text. */
const allowed = ['MIT', 'ISC', 'Apache-2.0', 'BSD-3-Clause', 'BlueOak-1.0.0', 'Unlicense'];

/** Writes dist/LICENSES.txt; fails the build on any other licence, for a warning does. */
const licenses = licensePlugin({
  allow: ({ license }) => allowed.includes(license),
  done: (packages, context) => {
    context.emitFile({ type: 'asset', fileName: 'LICENSES.txt', source: notices(packages) });
  },
});

/** Each text once, below the packages that it belongs to. */
function notices(packages) {
  const sections = new Map();
  for (const { name, version, license, licenseText } of packages) {
    const text = licenseText.trim() || `Its package names the licence ${license}, and has no text of it.`;
    // The same text may be indented and wrapped in another way.
    const key = text.replace(/\s+/g, ' ');
    const section = sections.get(key) ?? { names: [], text };
    section.names.push(`${name} ${version} (${license})`);
    sections.set(key, section);
  }
  const parts = [...sections.values()].map(({ names, text }) => `${names.join('\n')}\n\n${text}\n`);
  const lead = 'The files in this folder contain the following packages, each under its own licence.\n';
  return [lead, ...parts].join(`\n${'-'.repeat(80)}\n\n`);
}

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
  plugins: [licenses],
  resolve: {
    mainFields: ['module', 'main'],
    alias: {
      // dockerode loads them for builds with BuildKit, which nothing here does: three quarters of its code.
      ...{ '@grpc/grpc-js': false, '@grpc/proto-loader': false, protobufjs: false },
      // ssh2's compiled parts, which belong to one platform; without them it works in JavaScript.
      ...{ 'cpu-features': false, './crypto/build/Release/sshcrypto.node': false },
      // The readable build; the other one has packages of its own inside, whose licences nobody would see.
      tar: 'tar/raw',
    },
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
