import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Project } from '../integration/harness.js';
import { runOnTerminal } from './terminal.js';

/** Replaces text that differs between runs. */
const replacements: readonly (readonly [RegExp, string])[] = [
  [/sha256:[0-9a-f]{64}/g, 'sha256:DIGEST'],
  [/sha256:[0-9a-f]{12}/g, 'sha256:DIGEST'],
  [/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME'],
  [/127\.0\.0\.1:55\d\d/g, 'REGISTRY'],
  [/http:\/\/127\.0\.0\.1:56\d\d/g, 'ENDPOINT'],
  [/(run |resume |-failed-)[0-9a-f]{6}\b/g, '$1RUN'],
  [/\b(i|vpc)-[0-9a-f]{17}\b/g, '$1-ID'],
  [/"seed": "[0-9a-f]+"/g, '"seed": "SEED"'],
  [/\b\d+(\.\d+)?(ms|s)\b(?=[),]|$| ago| per host)/gm, 'Ns'],
  [/\b(in|for|within) \d+(\.\d+)?\s?s\b/g, '$1 Ns'],
  [/\d+ seconds? ago|just now|now$/gm, 'N ago'],
  // Column widths depend on the replaced text.
  [/N ago +(?=\S)/g, 'N ago  '],
  [/SINCE +(?=\S)/g, 'SINCE  '],
  [/BY +(?=\S)/g, 'BY  '],
  [/\b10\.\d+\.\d+\.(\d+)\b/g, '10.0.0.$1'],
  [/:22 +(?=\S)/g, ':22  '],
  // Either host may come first.
  [/\(sandbox-\d and (\d more)\)/g, '(sandbox-1 and $1)'],
  [/ +$/gm, ''],
  [/ADDRESS +(?=\S)/g, 'ADDRESS  '],
];

/** Replaces text that differs between runs, and sorts lines that differ only in their host. */
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

/** Runs commands and records each with its output and exit code. */
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
    this.#record(argv, stderr + stdout, code);
  }

  /** Runs a command on a terminal of 80 columns; answers prompts with yes. */
  async runOnTerminal(...argv: readonly string[]): Promise<void> {
    const { folder: cwd, env } = this.#project;
    const binary = join(import.meta.dirname, '../../bin/oneclick');
    const answer = { to: '[y/N]', with: 'y' };
    const session = { cwd, env: { ...env, TERM: 'xterm-256color' }, columns: 80, answer };
    const { text, code } = await runOnTerminal([process.execPath, binary, ...argv], session);
    this.#record(argv, text, code);
  }

  #record(argv: readonly string[], screen: string, code: number | null): void {
    const output = normalized(screen, this.#names).replace(/\n*$/, '\n');
    const command = normalized(argv.join(' '), this.#names);
    this.#text += `$ oneclick ${command}\n${output}${code === 0 ? '' : `(exit code ${code})\n`}\n`;
  }
}

/** Returns the saved transcript; with UPDATE_TRANSCRIPTS set, saves this one first. */
export async function savedTranscript(name: string, text: string): Promise<string> {
  const path = join(import.meta.dirname, 'transcripts', `${name}.txt`);
  if (process.env.UPDATE_TRANSCRIPTS) {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
  }
  return readFile(path, 'utf8');
}
