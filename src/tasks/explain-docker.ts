import { createArgv, optionPairs } from '../domain/create-command.js';
import { pauseFile, pauseImage, pauseProgram } from '../domain/pause.js';
import { dockerOn, onHost, type PlainCommand } from '../domain/plain-command.js';
import { commandLine, octal } from '../domain/shell.js';

/** Makes a container as the engine would from this configuration; what `docker create` cannot be told is said in the reason. */
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

/** Stops containers, each within this time. ms */
export function stopCommand(
  host: string,
  why: string,
  names: readonly string[],
  timeout: number,
): PlainCommand {
  return dockerOn(host, why, 'stop', '-t', String(Math.ceil(timeout / 1000)), ...names);
}

/** Makes a network, unless there is one of that name. */
export function networkCommand(
  host: string,
  name: string,
  labels: Readonly<Record<string, string>>,
): PlainCommand {
  const there = commandLine(['docker', 'network', 'inspect', name]);
  const make = commandLine(['docker', 'network', 'create', ...optionPairs('--label', labels), name]);
  return onHost(host, 'make the network of the services', `${there} >/dev/null 2>&1 || ${make}`);
}

/** Makes the image of the container that does nothing; undefined for a platform that there is no program for. */
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
  const why = `make the image of a container that does nothing: a program of ${file.length} bytes`;
  return onHost(host, why, steps.join(' && '));
}
