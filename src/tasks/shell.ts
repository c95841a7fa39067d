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
const never = { never: 'what a command of your own changed is not taken back' };
const Receipt = z.strictObject({ output: z.string() });

/** The recipe's `run:`. */
export const shellLocal = task({
  name: 'shell.local',
  version: 1,
  scope: 'run',
  needs: [],
  summary: 'Runs a command on this machine, in the folder of the project.',
  input: Input,
  intent: Input,
  receipt: Receipt,
  title: ({ command }) => `run ${command}`,
  check: (_, input) => ({
    kind: 'todo',
    changes: [{ text: `run here: ${input.command}` }],
    intent: input,
    predict: (facts) => facts,
  }),
  explain: ({ command }) => [
    {
      ...{ why: 'a command of the recipe, in the folder of the project', secrets: [] },
      line: commandLine(['/bin/sh', '-c', command]),
    },
  ],
  async apply({ ports, signal, progress }, { command, timeout }) {
    const argv = ['/bin/sh', '-c', command];
    return answer(command, await ports.local({ argv, timeout: timeout * 1000 }, progress, signal));
  },
  undo: never,
});

/** The recipe's `remote:`. */
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
    onHost(hostName(subject), 'a command of the recipe', commandLine(['sh', '-c', command])),
  ],
  async apply({ ports, subject, signal }, { command, timeout }) {
    const host = ports.host(hostName(subject));
    const result = await host.run({ argv: ['sh', '-c', command], timeout: timeout * 1000 }, signal);
    return answer(command, result, host.name);
  },
  undo: never,
});

function answer(
  command: string,
  { code, stdout, stderr }: CommandResult,
  host?: string,
): z.infer<typeof Receipt> {
  if (code === 0) return { output: stdout.slice(0, 64 * 1024) };
  const evidence = `${stderr}\n${stdout}`
    .split('\n')
    .filter((line) => line.trim() !== '')
    .slice(0, 8);
  throw new Failure('failed', 'command.failed', `${command} ended with exit code ${code}`, {
    evidence,
    ...given({ host }),
  });
}
