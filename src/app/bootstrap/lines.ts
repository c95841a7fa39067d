import { Failure } from '../../domain/failure.js';
import type { BareMachine, Packages } from './machine.js';

/** A command for root, word by word. */
export type Line = readonly string[];

const installing: Readonly<Record<Packages, readonly Line[]>> = {
  apt: [
    ['apt-get', 'update'],
    // A machine that has just been made often has its own first updates running.
    ['env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', '-o', 'DPkg::Lock::Timeout=300', 'install', '-y'],
  ],
  extras: [['amazon-linux-extras', 'install', '-y']],
  yum: [['yum', 'install', '-y']],
  dnf: [['dnf', 'install', '-y']],
};

/**
 * What root has to run on a machine whose engine does not answer its user: only what is missing there. Throws a Failure
 * where that is not known.
 */
export function linesFor(host: string, machine: BareMachine): readonly Line[] {
  const { packages, hasDocker, hasSystemd, isMember, root, user } = machine;
  const start = hasSystemd ? ['systemctl', 'enable', '--now', 'docker'] : ['service', 'docker', 'start'];
  const member = isMember || root === 'is root' ? [] : [['usermod', '-aG', 'docker', user]];
  if (hasDocker) return [start, ...member];
  if (packages === undefined)
    throw new Failure('failed', 'bootstrap.system', `oneclick cannot install Docker on ${machine.system}`, {
      ...{ host, hint: 'see https://docs.docker.com/engine/install' },
    });
  const name = packages === 'apt' ? 'docker.io' : 'docker';
  const lines = installing[packages];
  const install = lines.map((line, index) => (index === lines.length - 1 ? [...line, name] : line));
  return [...install, start, ...member];
}
