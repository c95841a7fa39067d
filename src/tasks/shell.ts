import { z } from 'zod';
import { Failure } from '../domain/failure.js';
import { given } from '../domain/given.js';
import { onHost } from '../domain/plain-command.js';
import { commandLine } from '../domain/shell.js';
import type { CommandResult } from '../host/host.js';
import { hostName, task } from './task.js';

const Input = z.strictObject({
  /** A line for `/bin/sh`. */
  command: z.string().min(1),
  /** Seconds. */
  timeout: z.number().positive().default(600),
});
const undo = { never: 'changes made by your own commands stay' };
const Receipt = z.strictObject({ output: z.string() });

/** The `run:` step of a recipe. */
export const shellLocal = task({
  name: 'shell.local',
  version: 1,
  scope: 'run',
  needs: [],
  summary: 'Runs a command on this machine, in the project folder.',
  input: Input,
  intent: Input,
  receipt: Receipt,
  title: ({ command }) => `run ${command}`,
  check: (_, input) => ({
    kind: 'todo',
    changes: [{ text: `run on this machine: ${input.command}` }],
    intent: input,
    predict: (facts) => facts,
  }),
  explain: ({ command }) => [
    {
      ...{ why: 'run the recipe command in the project folder', secrets: [] },
      line: commandLine(['/bin/sh', '-c', command]),
    },
  ],
  async apply({ ports, subject, signal, progress }, { command, timeout }) {
    const env = ports.variables(subject.run);
    const local = { argv: ['/bin/sh', '-c', command], env, timeout: timeout * 1000 };
    return receiptOf(command, await ports.local(local, progress, signal));
  },
  undo,
});

/** The `remote:` step of a recipe. */
export const shellRemote = task({
  name: 'shell.remote',
  version: 1,
  scope: 'host',
  needs: ['hosts'],
  summary: 'Runs a command on every host.',
  input: Input,
  intent: Input,
  receipt: Receipt,
  title: ({ command }) => `run ${command}`,
  check: (_, input, subject) => ({
    kind: 'todo',
    changes: [{ host: hostName(subject), text: `run: ${input.command}` }],
    intent: input,
    predict: (facts) => facts,
  }),
  explain: ({ command }, subject) => [
    onHost(hostName(subject), 'run the recipe command', commandLine(['sh', '-c', command])),
  ],
  async apply({ ports, subject, signal }, { command, timeout }) {
    const host = ports.host(hostName(subject));
    const env = ports.variables(subject.run);
    const result = await host.run({ argv: ['sh', '-c', command], env, timeout: timeout * 1000 }, signal);
    return receiptOf(command, result, host.name);
  },
  undo,
});

/** Characters. */
const maxOutput = 64 * 1024;

/** Drops a line that would be cut: a part of a secret is not redacted. */
function firstLines(text: string): string {
  if (text.length <= maxOutput) return text;
  const cut = text.slice(0, maxOutput);
  const end = cut.lastIndexOf('\n');
  return end < 0 ? cut : cut.slice(0, end);
}

function receiptOf(
  command: string,
  { code, stdout, stderr }: CommandResult,
  host?: string,
): z.infer<typeof Receipt> {
  if (code === 0) return { output: firstLines(stdout) };
  const evidence = `${stderr}\n${stdout}`
    .split('\n')
    .filter((line) => line.trim() !== '')
    .slice(0, 8);
  throw new Failure('failed', 'command.failed', `${command} exited with code ${code}`, {
    evidence,
    ...given({ host }),
  });
}
