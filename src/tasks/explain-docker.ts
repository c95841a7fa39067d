import { createArgv, optionPairs } from '../domain/create-command.js';
import { pauseFile, pauseImage, pauseProgram } from '../domain/pause.js';
import { dockerOn, onHost, type PlainCommand } from '../domain/plain-command.js';
import { commandLine, octal } from '../domain/shell.js';

/** Returns the `docker create` for a configuration; its reason names settings that have no option. */
export function createCommand(
  host: string,
  why: string,
  name: string,
  config: Readonly<Record<string, unknown>>,
  secrets: readonly string[] = [],
): PlainCommand {
  const { options, operands, missing } = createArgv(config);
  const values = secrets.flatMap((secret) => ['--env', secret]);
  const without = missing.length === 0 ? '' : `; docker create has no option for ${missing.join(', ')}`;
  const line = commandLine(['docker', 'create', '--name', name, ...options, ...values, ...operands]);
  return { host, why: why + without, line, secrets };
}

/** Returns a `docker stop`; the timeout is in ms. */
export function stopCommand(
  host: string,
  why: string,
  names: readonly string[],
  timeout: number,
): PlainCommand {
  return dockerOn(host, why, 'stop', '-t', String(Math.ceil(timeout / 1000)), ...names);
}

/** Returns a command that creates a network unless it exists. */
export function networkCommand(
  host: string,
  name: string,
  labels: Readonly<Record<string, string>>,
): PlainCommand {
  const exists = commandLine(['docker', 'network', 'inspect', name]);
  const create = commandLine(['docker', 'network', 'create', ...optionPairs('--label', labels), name]);
  return onHost(host, 'create the network of the services', `${exists} >/dev/null 2>&1 || ${create}`);
}

/** Returns a command that creates the network of the service names unless it exists; only a given subnet allows fixed addresses. */
export function namesNetworkCommand(
  host: string,
  name: string,
  labels: Readonly<Record<string, string>>,
): PlainCommand {
  const exists = commandLine(['docker', 'network', 'inspect', name]);
  const create = commandLine([
    ...['docker', 'network', 'create', '--internal'],
    ...optionPairs('--label', labels),
    name,
  ]);
  const format = '{{(index .IPAM.Config 0).Subnet}}';
  const subnet = commandLine(['docker', 'network', 'inspect', '--format', format, name]);
  const remove = commandLine(['docker', 'network', 'rm', name]);
  const part = (field: number) => `$(echo "$subnet" | cut -d / -f ${field})`;
  const pool = `--subnet "$subnet" --ip-range "${part(1)}/$((${part(2)} + 1))"`;
  const again = create.replace(' --internal', ` --internal ${pool}`);
  const line = `${exists} >/dev/null 2>&1 || { ${create} && subnet=$(${subnet}) && ${remove} && ${again}; }`;
  return onHost(host, 'create the network of the service names', line);
}

/** Returns a command that builds the pause image; undefined if the platform is not supported. */
export function pauseImageCommand(host: string, platform: string): PlainCommand | undefined {
  const file = pauseFile(platform);
  if (file === undefined) return undefined;
  const name = pauseProgram.slice(1);
  const steps = [
    'cd "$(mktemp -d)"',
    `printf '${octal(file)}' >${name}`,
    `chmod 755 ${name}`,
    `tar -cf - ${name} | ${commandLine(['docker', 'import', '-', pauseImage])}`,
  ];
  const why = `create the image of an idle container, ${file.length} bytes`;
  return onHost(host, why, steps.join(' && '));
}
