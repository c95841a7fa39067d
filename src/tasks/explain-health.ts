import { expectedStatus, rangeText, type Strictness } from '../domain/health-status.js';
import { onHost, type PlainCommand } from '../domain/plain-command.js';
import type { ContainerSpec } from '../domain/release.js';
import { commandLine } from '../domain/shell.js';
import { publishedPlace } from './probe.js';

/** A shell command that succeeds once the container is healthy. */
interface HealthTest {
  readonly line: string;
  readonly condition: string;
  /** Runs once, before the first try. */
  readonly setup?: string;
}

/** Returns a command that waits as long as `waitUntilHealthy` does, then exits with 1. */
export function healthCommand(
  host: string,
  container: string,
  spec: ContainerSpec,
  strictness: Strictness = 'known',
): PlainCommand {
  const { line, condition, setup = '' } = healthTest(container, spec, strictness);
  const timeout = Math.ceil(spec.health.deadline / 1000);
  const interval = Math.max(1, Math.round(spec.health.interval / 1000));
  const retry = `[ "$(date +%s)" -lt "$end" ] || exit 1; sleep ${interval}`;
  const loop = `end=$(($(date +%s) + ${timeout})); until ${line}; do ${retry}; done`;
  return onHost(host, `wait up to ${timeout} s until ${condition}`, setup + loop);
}

function healthTest(container: string, spec: ContainerSpec, strictness: Strictness): HealthTest {
  const { health, port } = spec;
  const limit = ['--max-time', String(health.timeout / 1000)];
  if (health.command !== undefined)
    return {
      line: commandLine(['docker', 'exec', container, ...health.command]),
      condition: `${health.command.join(' ')} exits with 0`,
    };
  const inside = health.port ?? port?.container;
  if (health.path !== undefined && inside !== undefined) return requestTest(container, spec, strictness);
  const state = inspect(
    container,
    '{{if .State.Health}}{{.State.Health.Status}}{{else}}{{.State.Status}}{{end}}',
  );
  const ifHealthy = (running: string) =>
    `case "$(${state})" in healthy) ;; running) ${running} ;; *) false ;; esac`;
  if (inside === undefined) {
    const setup = `sleep ${Math.ceil(health.settle / 1000)}; `;
    return {
      line: ifHealthy('true'),
      condition: 'the container has stayed up or its HEALTHCHECK passes',
      setup,
    };
  }
  const quiet = commandLine(['curl', '--silent', '--output', '/dev/null', ...limit]);
  const connect = `${quiet} --write-out '%{time_connect}' "telnet://${ownAddress(container)}:${inside}" </dev/null`;
  const isOpen = `[ "$(${connect})" != 0.000000 ]`;
  return health.port === undefined
    ? {
        line: ifHealthy(isOpen),
        condition: `port ${inside} accepts connections or its HEALTHCHECK passes`,
      }
    : { line: isOpen, condition: `port ${inside} accepts connections` };
}

/** The same request as that of `checkHealth`. */
function requestTest(container: string, spec: ContainerSpec, strictness: Strictness): HealthTest {
  const { health, port } = spec;
  const { path = '/', scheme = 'http', headers = {} } = health;
  const published = publishedPlace(spec);
  const asked = published?.port ?? health.port ?? 0;
  const host = health.host ?? `localhost:${asked}`;
  // The server name of TLS comes from the URL.
  const isNamed = scheme === 'https' && health.host !== undefined;
  const sent = Object.entries({ ...headers, Host: host });
  const options = [
    '--globoff',
    '--silent',
    '--output',
    '/dev/null',
    '--max-time',
    `${health.timeout / 1000}`,
  ];
  if (scheme === 'https') options.push('--insecure');
  options.push(...sent.flatMap(([name, value]) => ['--header', `${name}: ${value}`]));
  // The address of the container is known only when it runs.
  const at = (before: string, after: string) =>
    published
      ? commandLine([`${before}${urlHost(port?.address)}:${asked}${after}`])
      : `"${before}${ownAddress(container)}:${asked}"${after === '' ? '' : commandLine([after])}`;
  const url = isNamed
    ? `--connect-to ${at('::', '')} ${commandLine([`https://${health.host}:${asked}${path}`])}`
    : at(`${scheme}://`, path);
  const expected = expectedStatus(health, strictness);
  const texts = expected.map(rangeText).join(', ');
  const condition = `GET ${path} returns ${health.status ? texts : strictness === 'known' ? '2xx or 3xx' : '2xx'}`;
  if (health.status === undefined && strictness === 'known') {
    const [first = '', ...rest] = options;
    return { line: `${commandLine(['curl', first, '--fail', ...rest])} ${url}`, condition };
  }
  const curl = `${commandLine(['curl', ...options, '--write-out', '%{http_code}'])} ${url}`;
  const tests = expected.map(({ from, to }) => `[ "$s" -ge ${from} ] && [ "$s" -le ${to} ]`);
  const test = tests.length === 1 ? tests[0] : tests.map((each) => `{ ${each}; }`).join(' || ');
  return { line: `s=$(${curl}); ${test}`, condition };
}

const ownAddress = (container: string) =>
  `$(${inspect(container, '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}')})`;

const inspect = (container: string, format: string) =>
  commandLine(['docker', 'inspect', '--format', format, container]);

function urlHost(address = '0.0.0.0'): string {
  if (address === '0.0.0.0') return '127.0.0.1';
  return address.includes(':') ? `[${address}]` : address;
}
