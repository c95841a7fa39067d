import { spawn } from 'node:child_process';
import { join } from 'node:path';

/** The repository, where npm starts scripts. */
export const root = process.cwd();
export const oneclick = join(root, 'bin/oneclick');

/** Shared by all parts of the benchmark. */
export interface Bench {
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
  /** A temporary folder, removed at the end. */
  readonly folder: string;
  /** Environment variables for oneclick, with its own state folder. */
  readonly env: NodeJS.ProcessEnv;
  /** Prints progress. */
  note(text: string): void;
}

/** Resources used by a process. */
export interface Usage {
  /** ms */
  readonly cpu: number;
  /** Peak resident memory, MB. */
  readonly memory: number;
}

export interface ProcessResult {
  readonly stdout: string;
  /** From the start of the process until its output closed, ms. */
  readonly wall: number;
  /** Only with the option `measured`, for Node.js programs. */
  readonly usage: Usage | undefined;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly signal?: AbortSignal;
  readonly measured?: boolean;
}

/** Runs a program; rejects with its output if it fails or takes more than two minutes. */
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
