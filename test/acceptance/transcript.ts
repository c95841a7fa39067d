import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Project } from '../integration/harness.js';
import { runOnTerminal } from './terminal.js';

/** What differs from one run to the next, and what stands for it. */
const replacements: readonly (readonly [RegExp, string])[] = [
  [/sha256:[0-9a-f]{64}/g, 'sha256:DIGEST'],
  [/sha256:[0-9a-f]{12}/g, 'sha256:DIGEST'],
  [/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME'],
  [/127\.0\.0\.1:55\d\d/g, 'REGISTRY'],
  [/http:\/\/127\.0\.0\.1:56\d\d/g, 'ENDPOINT'],
  [/(run |resume )[0-9a-f]{6}\b/g, '$1RUN'],
  [/\b(i|vpc)-[0-9a-f]{17}\b/g, '$1-ID'],
  [/"seed": "[0-9a-f]+"/g, '"seed": "SEED"'],
  [/\b\d+(\.\d+)?(ms|s)\b(?=[),]|$| ago|, gap)/gm, 'Ns'],
  [/\b(in|gap|within) \d+(\.\d+)?\s?s\b/g, '$1 Ns'],
  [/\d+ seconds? ago|just now|now$/gm, 'N ago'],
  // The width of a column is that of what stood there.
  [/N ago +(?=\S)/g, 'N ago  '],
  [/SINCE +(?=\S)/g, 'SINCE  '],
  [/BY +(?=\S)/g, 'BY  '],
  [/\b10\.\d+\.\d+\.(\d+)\b/g, '10.0.0.$1'],
  [/:22 +(?=\S)/g, ':22  '],
  // Whichever came first.
  [/\(sandbox-\d and (\d more)\)/g, '(sandbox-1 and $1)'],
  [/ +$/gm, ''],
  [/ADDRESS +(?=\S)/g, 'ADDRESS  '],
];

/** The text with what differs from run to run replaced, and lines that only differ in their host in the hosts' order. */
export function normalized(text: string, names: Readonly<Record<string, string>>): string {
  const named = Object.entries(names).reduce((all, [from, to]) => all.replaceAll(from, to), text);
  const replaced = replacements.reduce((all, [pattern, word]) => all.replace(pattern, word), named);
  const lines = replaced
    .split('\n')
    .filter((line) => !/still running|^waiting for |\(timeout [\d:]+\)|^checking .* \(Ns\)$/.test(line));
  return inHostOrder(lines).join('\n');
}

function inHostOrder(lines: readonly string[]): readonly string[] {
  const sorted: string[] = [];
  let group: string[] = [];
  const same = (a: string, b: string) => a.replace(/^sandbox-\d/, '') === b.replace(/^sandbox-\d/, '');
  for (const line of [...lines, undefined]) {
    const [first] = group;
    if (line !== undefined && first !== undefined && /^sandbox-\d: /.test(line) && same(first, line)) {
      group.push(line);
      continue;
    }
    sorted.push(...group.sort());
    group = line === undefined ? [] : [line];
  }
  return sorted;
}

/** Types commands one after the other and keeps what is on the screen: the command, its output, its exit code. */
export class Transcript {
  readonly #project: Project;
  readonly #names: Readonly<Record<string, string>>;
  #text = '';

  constructor(project: Project, names: Readonly<Record<string, string>>) {
    this.#project = project;
    this.#names = names;
  }

  get text(): string {
    return this.#text;
  }

  async run(...argv: readonly string[]): Promise<void> {
    const { code, stdout, stderr } = await this.#project.run(...argv);
    this.#keep(argv, stderr + stdout, code);
  }

  /** The same on a terminal of 80 columns, where whoever is asked says yes. */
  async runOnTerminal(...argv: readonly string[]): Promise<void> {
    const { folder: cwd, env } = this.#project;
    const binary = join(import.meta.dirname, '../../bin/oneclick');
    const answer = { to: '[y/N]', with: 'y' };
    const session = { cwd, env: { ...env, TERM: 'xterm-256color' }, columns: 80, answer };
    const { text, code } = await runOnTerminal([process.execPath, binary, ...argv], session);
    this.#keep(argv, text, code);
  }

  #keep(argv: readonly string[], screen: string, code: number | null): void {
    const output = normalized(screen, this.#names).replace(/\n*$/, '\n');
    const command = normalized(argv.join(' '), this.#names);
    this.#text += `$ oneclick ${command}\n${output}${code === 0 ? '' : `(exit code ${code})\n`}\n`;
  }
}

/** The kept transcript of that name; with UPDATE_TRANSCRIPTS set, this one is kept from now on. */
export async function savedTranscript(name: string, text: string): Promise<string> {
  const path = join(import.meta.dirname, 'transcripts', `${name}.txt`);
  if (process.env.UPDATE_TRANSCRIPTS) {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
  }
  return readFile(path, 'utf8');
}
