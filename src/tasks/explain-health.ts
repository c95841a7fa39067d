import { onHost, type PlainCommand } from '../domain/plain-command.js';
import type { ContainerSpec } from '../domain/release.js';
import { commandLine } from '../domain/shell.js';

/** Something that ends well once the container is healthy, what it looks for, and what has to pass before. */
interface Proof {
  readonly line: string;
  readonly what: string;
  readonly first?: string;
}

/** Waits as long as `untilHealthy` does, and ends with 1 after that. */
export function healthCommand(
  host: string,
  container: string,
  spec: ContainerSpec,
  network: string,
): PlainCommand {
  const { line, what, first = '' } = proof(container, spec, network);
  const most = Math.ceil(spec.health.deadline / 1000);
  const pause = Math.max(1, Math.round(spec.health.interval / 1000));
  const pauseOrGiveUp = `[ "$(date +%s)" -lt "$end" ] || exit 1; sleep ${pause}`;
  const loop = `end=$(($(date +%s) + ${most})); until ${line}; do ${pauseOrGiveUp}; done`;
  return onHost(host, `wait until ${what}, for ${most} s at most`, first + loop);
}

function proof(container: string, spec: ContainerSpec, network: string): Proof {
  const { health, port } = spec;
  const limit = ['--max-time', String(health.timeout / 1000)];
  if (health.path !== undefined && port !== undefined) {
    const url = `http://${placeOf(port.address)}:${port.host}${health.path}`;
    const quiet = ['--globoff', '--fail', '--silent', '--output', '/dev/null'];
    const header = ['--header', `Host: localhost:${port.host}`];
    return {
      line: commandLine(['curl', ...quiet, ...limit, ...header, url]),
      what: `GET ${health.path} is answered with 2xx or 3xx`,
    };
  }
  const state = inspect(
    container,
    '{{if .State.Health}}{{.State.Health.Status}}{{else}}{{.State.Status}}{{end}}',
  );
  const judged = (running: string) =>
    `case "$(${state})" in healthy) ;; running) ${running} ;; *) false ;; esac`;
  if (port === undefined) {
    const first = `sleep ${Math.ceil(health.settle / 1000)}; `;
    return { line: judged('true'), what: 'it has stayed up, or its HEALTHCHECK passes', first };
  }
  const address = inspect(container, `{{(index .NetworkSettings.Networks "${network}").IPAddress}}`);
  const quiet = commandLine(['curl', '--silent', '--output', '/dev/null', ...limit]);
  const dial = `${quiet} --write-out '%{time_connect}' "telnet://$(${address}):${port.container}" </dev/null`;
  return {
    line: judged(`[ "$(${dial})" != 0.000000 ]`),
    what: `port ${port.container} accepts, or its HEALTHCHECK passes`,
  };
}

const inspect = (container: string, format: string) =>
  commandLine(['docker', 'inspect', '--format', format, container]);

function placeOf(address = '0.0.0.0'): string {
  if (address === '0.0.0.0') return '127.0.0.1';
  return address.includes(':') ? `[${address}]` : address;
}
