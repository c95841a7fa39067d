import { Failure } from '../../domain/failure.js';
import type { MachineFacts, PackageManager } from './machine.js';

/** The words of a command to run as root. */
export type RootCommand = readonly string[];

const packageCommands: Readonly<Record<PackageManager, readonly RootCommand[]>> = {
  apt: [
    ['apt-get', 'update'],
    // The lock may be taken again just after it was found free.
    ['env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', '-o', 'DPkg::Lock::Timeout=30', 'install', '-y'],
  ],
  extras: [['amazon-linux-extras', 'install', '-y']],
  yum: [['yum', 'install', '-y']],
  dnf: [['dnf', 'install', '-y']],
};

/** Whether a command needs the locks of apt. */
export const isApt = (command: RootCommand): boolean => command.includes('apt-get');

/** Returns the command that runs `command` as root, without a prompt for a password. */
export function asRoot({ root }: Pick<MachineFacts, 'root'>, command: RootCommand): RootCommand {
  return root === 'is root' ? command : ['sudo', '-n', ...command];
}

/** Returns the commands that install what is missing on a machine. Throws a Failure for an unknown system. */
export function installCommands(host: string, machine: MachineFacts): readonly RootCommand[] {
  const { packageManager, hasDocker, hasSystemd, isMember, root, user } = machine;
  const start = hasSystemd ? ['systemctl', 'enable', '--now', 'docker'] : ['service', 'docker', 'start'];
  const member = isMember || root === 'is root' ? [] : [['usermod', '-aG', 'docker', user]];
  if (hasDocker) return [start, ...member];
  if (packageManager === undefined)
    throw new Failure('failed', 'bootstrap.system', `oneclick cannot install Docker on ${machine.system}`, {
      ...{ host, hint: 'install it manually: https://docs.docker.com/engine/install' },
    });
  const name = packageManager === 'apt' ? 'docker.io' : 'docker';
  const lines = packageCommands[packageManager];
  const install = lines.map((line, index) => (index === lines.length - 1 ? [...line, name] : line));
  return [...install, start, ...member];
}
