import { onHost, type PlainCommand } from '../domain/plain-command.js';
import type { ContainerSpec } from '../domain/release.js';
import { commandLine } from '../domain/shell.js';

/** A shell command that succeeds once the container is healthy. */
interface HealthTest {
  readonly line: string;
  readonly condition: string;
  /** Runs once, before the first try. */
  readonly setup?: string;
}

/** Returns a command that waits as long as `waitUntilHealthy` does, then exits with 1. */
export function healthCommand(host: string, container: string, spec: ContainerSpec): PlainCommand {
  const { line, condition, setup = '' } = healthTest(container, spec);
  const timeout = Math.ceil(spec.health.deadline / 1000);
  const interval = Math.max(1, Math.round(spec.health.interval / 1000));
  const retry = `[ "$(date +%s)" -lt "$end" ] || exit 1; sleep ${interval}`;
  const loop = `end=$(($(date +%s) + ${timeout})); until ${line}; do ${retry}; done`;
  return onHost(host, `wait up to ${timeout} s until ${condition}`, setup + loop);
}

function healthTest(container: string, spec: ContainerSpec): HealthTest {
  const { health, port } = spec;
  const limit = ['--max-time', String(health.timeout / 1000)];
  if (health.path !== undefined && port !== undefined) {
    const url = `http://${urlHost(port.address)}:${port.host}${health.path}`;
    const quiet = ['--globoff', '--fail', '--silent', '--output', '/dev/null'];
    const header = ['--header', `Host: localhost:${port.host}`];
    return {
      line: commandLine(['curl', ...quiet, ...limit, ...header, url]),
      condition: `GET ${health.path} returns 2xx or 3xx`,
    };
  }
  const state = inspect(
    container,
    '{{if .State.Health}}{{.State.Health.Status}}{{else}}{{.State.Status}}{{end}}',
  );
  const ifHealthy = (running: string) =>
    `case "$(${state})" in healthy) ;; running) ${running} ;; *) false ;; esac`;
  if (port === undefined) {
    const setup = `sleep ${Math.ceil(health.settle / 1000)}; `;
    return {
      line: ifHealthy('true'),
      condition: 'the container has stayed up or its HEALTHCHECK passes',
      setup,
    };
  }
  const address = inspect(container, '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}');
  const quiet = commandLine(['curl', '--silent', '--output', '/dev/null', ...limit]);
  const connect = `${quiet} --write-out '%{time_connect}' "telnet://$(${address}):${port.container}" </dev/null`;
  return {
    line: ifHealthy(`[ "$(${connect})" != 0.000000 ]`),
    condition: `port ${port.container} accepts connections or its HEALTHCHECK passes`,
  };
}

const inspect = (container: string, format: string) =>
  commandLine(['docker', 'inspect', '--format', format, container]);

function urlHost(address = '0.0.0.0'): string {
  if (address === '0.0.0.0') return '127.0.0.1';
  return address.includes(':') ? `[${address}]` : address;
}
