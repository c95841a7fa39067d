import type { Files } from '../../../src/config/files.js';
import type { ConfigContext } from '../../../src/config/load.js';
import { Failure } from '../../../src/domain/failure.js';
import type { Command, CommandResult } from '../../../src/host/host.js';

/** In-memory files. */
export function memoryFiles(texts: Readonly<Record<string, string>>): Files {
  return {
    read: async (path) => (Object.hasOwn(texts, path) ? texts[path] : undefined),
    list: async (folder) =>
      Object.keys(texts)
        .filter((path) => path.startsWith(`${folder}/`))
        .map((path) => path.slice(folder.length + 1)),
  };
}

/** A context in `/project` with these files and variables. */
export function configContext(
  texts: Readonly<Record<string, string>>,
  variables: Readonly<Record<string, string>> = {},
): ConfigContext {
  return {
    files: memoryFiles(texts),
    cwd: '/project',
    home: '/home/me',
    environmentsDir: '/state/environments',
    variables,
  };
}

/** Returns the Failure that the work throws. */
export async function failureOf(work: () => Promise<unknown>): Promise<Failure> {
  try {
    await work();
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
  throw new Error('it did not fail');
}

/** Runs only these commands, and records every call. */
export function commandsOf(answers: Readonly<Record<string, Partial<CommandResult>>>) {
  const ran: Command[] = [];
  const run = async (command: Command): Promise<CommandResult> => {
    ran.push(command);
    const answer = answers[command.argv.join(' ')];
    if (answer === undefined)
      throw new Failure('failed', 'command.missing', `there is no ${command.argv[0]}`);
    return { code: 0, stdout: '', stderr: '', ...answer };
  };
  return { run, ran };
}
