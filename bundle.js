import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { build } from 'rolldown';
import { licensePlugin } from 'rolldown-license-plugin';

/** Licenses that only require their text to be included. */
const allowed = ['MIT', 'ISC', 'Apache-2.0', 'BSD-3-Clause', 'BlueOak-1.0.0', 'Unlicense'];

/** Writes dist/LICENSES.txt. Other licenses cause a warning, which fails the build. */
const licenses = licensePlugin({
  allow: ({ license }) => allowed.includes(license),
  done: (packages, context) => {
    context.emitFile({ type: 'asset', fileName: 'LICENSES.txt', source: notices(packages) });
  },
});

/** Lists each license text once, below its packages. */
function notices(packages) {
  const sections = new Map();
  for (const { name, version, license, licenseText } of packages) {
    const text =
      licenseText.trim() || `The package names the license ${license}, but does not include its text.`;
    // Copies of a text differ in whitespace.
    const key = text.replace(/\s+/g, ' ');
    const section = sections.get(key) ?? { names: [], text };
    section.names.push(`${name} ${version} (${license})`);
    sections.set(key, section);
  }
  const parts = [...sections.values()].map(({ names, text }) => `${names.join('\n')}\n\n${text}\n`);
  const lead = 'The files in this folder contain the following packages, each under its own license.\n';
  return [lead, ...parts].join(`\n${'-'.repeat(80)}\n\n`);
}

// Bundles the sources and packages into dist/, in chunks that load on demand.
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
      // dockerode only needs these for BuildKit, which is not used here.
      ...{ '@grpc/grpc-js': false, '@grpc/proto-loader': false, protobufjs: false },
      // Optional native parts of ssh2, which depend on the platform.
      ...{ 'cpu-features': false, './crypto/build/Release/sshcrypto.node': false },
      // The default build embeds packages, which would hide their licenses.
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
    // As deep as the sources, which find the package two folders up.
    chunkFileNames: 'chunks/[name].js',
  },
});

// Writes dist/recipes.json, so that commands need not verify the recipes.
await import('./dist/app/verify-recipes.js');

// bin/oneclick prints this without loading the commands.
writeFileSync('dist/help.txt', execFileSync(process.execPath, ['bin/oneclick', '--help']));
