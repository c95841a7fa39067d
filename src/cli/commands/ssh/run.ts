import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { chosenHost } from '../../../app/choose-host.js';
import type { Context } from '../../../app/context.js';
import { openSession } from '../../../app/session.js';
import { Failure } from '../../../domain/failure.js';
import { sshArguments } from '../../../host/ssh/argv.js';
import { withOutput } from '../../command-output.js';
import type { SshFlags } from './command.js';

/** Runs the system's `ssh` in this terminal; resolves to its exit code. */
export function run(context: Context, names: readonly string[], flags: SshFlags): Promise<number> {
  return withOutput(context, flags, async (out) => {
    if (names.length > 1)
      throw new Failure('usage', 'arguments', 'expected one host', {
        hint: `put a command after --: oneclick ssh ${names[0]} -- ${names.slice(1).join(' ')}`,
      });
    const { environment } = await openSession(context, out.reporter, flags);
    const host = chosenHost(environment, names[0]);
    const done = out.reporter.busy(`connecting to ${host.name}`, { brief: true });
    const sshEnvironment = { home: context.home, user: context.user, variables: context.env };
    const argv = await sshArguments(host, sshEnvironment).finally(done);
    const all = [...argv, ...(flags.command ?? [])];
    if (flags.json) {
      out.reporter.result({ host: host.name, argv: ['ssh', ...all] }, () => '');
      return 0;
    }
    out.reporter.close();
    return handOver('ssh', all, context.env);
  });
}

/**
 * Runs a program with the input and output of this process; resolves to its exit code, or 128 plus the number of the
 * signal that ended it. Throws a Failure when it cannot be started.
 */
export async function handOver(
  program: string,
  argv: readonly string[],
  env: Context['env'],
): Promise<number> {
  const child = spawn(program, argv, { stdio: 'inherit', env });
  // The terminal sends Ctrl-C to both processes; leave it to the program.
  const ignore = () => undefined;
  const end = () => void child.kill('SIGTERM');
  process.on('SIGINT', ignore).on('SIGTERM', end).on('SIGHUP', end);
  try {
    return await new Promise((resolve, reject) => {
      child.on('error', (cause) =>
        reject(
          new Failure('access', 'ssh.missing', `cannot run ${program}: ${cause.message}`, {
            ...{ cause, hint: 'install the OpenSSH client: apt-get install openssh-client' },
          }),
        ),
      );
      child.on('close', (code, signal) =>
        resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal])),
      );
    });
  } finally {
    process.off('SIGINT', ignore).off('SIGTERM', end).off('SIGHUP', end);
  }
}
