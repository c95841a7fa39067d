import { Failure } from '../../domain/failure.js';

/** The log driver of a container, and its options, as in `HostConfig.LogConfig`. */
interface LogDriver {
  readonly type: string;
  readonly options: Readonly<Record<string, string>>;
}

/** Where drivers that Docker cannot read send the lines. */
const destinations: Readonly<Record<string, (options: LogDriver['options']) => string>> = {
  awslogs: (options) => `CloudWatch Logs${named('log group', options['awslogs-group'])}`,
  gcplogs: (options) => `Google Cloud Logging${named('project', options['gcp-project'])}`,
  splunk: () => 'Splunk',
  fluentd: (options) => `Fluentd${named('at', options['fluentd-address'])}`,
  gelf: (options) => `the GELF server${named('at', options['gelf-address'])}`,
  syslog: (options) => `syslog${named('at', options['syslog-address'])}`,
  logentries: () => 'Logentries',
  etwlogs: () => 'Event Tracing for Windows',
};

const named = (what: string, name: string | undefined) => (name === undefined ? '' : `, ${what} ${name}`);

/** Returns the Failure `logs.driver` for a container whose log Docker cannot read: names the driver, and what to do. */
export function unreadableLog(
  host: string,
  container: string,
  { type, options }: LogDriver,
  cause: unknown,
): Failure {
  const destination = destinations[type]?.(options);
  const fix =
    'to read its log here, set docker: { HostConfig: { LogConfig: { Type: json-file } } } in oneclick.yml and deploy';
  const message =
    type === 'none'
      ? `${container} keeps no log: its log driver is "none"`
      : `cannot read the log of ${container}: its log driver is "${type}"`;
  return new Failure('failed', 'logs.driver', message, {
    ...{ host, cause },
    hint: destination === undefined ? fix : `look in ${destination}; ${fix}`,
  });
}
