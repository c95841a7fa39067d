import { spawn } from 'node:child_process';
import { join } from 'node:path';

/** The folder of the repository: npm starts scripts there. */
export const root = process.cwd();
export const oneclick = join(root, 'bin/oneclick');

/** What the parts of the benchmark share. */
export interface Bench {
  /** Aborted by Ctrl-C: everything under way ends, and what was started is taken down. */
  readonly signal: AbortSignal;
  /** A folder of this run alone, removed at its end. */
  readonly folder: string;
  /** Where `oneclick` keeps its state meanwhile. */
  readonly env: NodeJS.ProcessEnv;
  /** Says what is under way. */
  note(text: string): void;
}

/** What a process has used until its end. */
export interface Usage {
  /** ms */
  readonly cpu: number;
  /** The most that was resident, in MB. */
  readonly memory: number;
}

export interface ProcessResult {
  readonly stdout: string;
  /** ms, from the start of the process until its output was closed */
  readonly wall: number;
  /** Of programs of Node that were asked for it. */
  readonly usage: Usage | undefined;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly signal?: AbortSignal;
  readonly measured?: boolean;
}

/** Runs a program to its end; rejects with what it said when it fails, or takes two minutes. */
export function run(argv: readonly string[], options: RunOptions = {}): Promise<ProcessResult> {
  const { cwd = root, env = process.env, signal, measured = false } = options;
  const [file = '', ...args] = argv;
  return new Promise((resolve, reject) => {
    const start = performance.now();
    const child = spawn(file, args, {
      ...{ cwd, signal, timeout: 120_000, stdio: ['ignore', 'pipe', 'pipe', measured ? 'pipe' : 'ignore'] },
      env: measured ? { ...env, NODE_OPTIONS: `--require=${join(root, 'test/bench/usage.cjs')}` } : env,
    });
    const outputs = ['', '', '', ''];
    for (const [index, stream] of child.stdio.entries())
      stream?.on('data', (data: Buffer) => {
        outputs[index] += data.toString();
      });
    child.on('error', reject);
    child.on('close', (code) => {
      const wall = performance.now() - start;
      const [, stdout = '', stderr = '', usage = ''] = outputs;
      if (code !== 0) reject(new Error(`${argv.join(' ')}: exit ${code}\n${stdout}${stderr}`));
      else resolve({ stdout, wall, usage: usage === '' ? undefined : (JSON.parse(usage) as Usage) });
    });
  });
}
