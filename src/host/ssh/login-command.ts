import type { HostAddress } from '../../domain/environment.js';
import { given } from '../../domain/given.js';
import { commandLine } from '../../domain/shell.js';
import { plainSshArguments } from './argv.js';
import type { SshTarget } from './config.js';

/** Returns the shell command that logs in as oneclick does: with its user, key, known_hosts file and bastions. */
export function loginCommand(target: SshTarget): string {
  return commandLine(['ssh', ...plainSshArguments(settingsOf(target))]);
}

/** Returns the shell command that installs a key of the user on the host. */
export function copyKeyCommand(target: SshTarget): string {
  // ssh-copy-id has no -J.
  const argv = plainSshArguments(settingsOf(target)).flatMap((arg, index, all) =>
    arg === '-J' ? ['-o'] : all[index - 1] === '-J' ? [`ProxyJump=${arg}`] : [arg],
  );
  return commandLine(['ssh-copy-id', ...argv]);
}

/**
 * Returns the shell command that shows the host's key and asks whether to add it to `file`, through the bastions and under
 * the name that oneclick looks up.
 */
export function acceptKeyCommand(target: SshTarget, file: string): string {
  const { keyAlias } = target;
  const alias = keyAlias === undefined ? [] : ['-o', `HostKeyAlias=${keyAlias}`];
  const settings: HostAddress = { ...settingsOf(target), knownHosts: file, hostKeys: 'known' };
  const argv = ['ssh', '-o', 'StrictHostKeyChecking=ask', ...alias, ...plainSshArguments(settings), 'exit'];
  return commandLine(argv);
}

/** The settings that `ssh` does not read from its own configuration. */
function settingsOf(target: SshTarget): HostAddress {
  const { name, given: address, port, user, keys, knownHosts, hostKeys, jump } = target;
  return {
    ...{ name, address, user, hostKeys },
    ...(port === 22 ? {} : { port }),
    ...given({
      key: keys.find(({ required }) => required)?.path,
      knownHosts: target.hasOwnKnownHosts === true ? knownHosts[0] : undefined,
      bastion: jump === undefined ? undefined : settingsOf(jump),
    }),
  };
}
