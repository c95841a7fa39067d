import type { ContainerFacts, HostFacts } from '../../domain/facts.js';
import { Failure } from '../../domain/failure.js';
import { releaseOf } from '../../domain/labels.js';
import { serving } from '../../domain/rollout.js';
import type { LogLine, LogOptions } from '../../host/host.js';
import type { ConnectedEnvironment } from '../connect.js';
import type { ServiceInstance } from '../instances.js';
import type { Session } from '../session.js';
import { followInstance } from './follow.js';

/** A log line with its instance and release. */
export interface LogEntry extends LogLine {
  readonly host: string;
  readonly service: string;
  readonly release: number | null;
}

export interface ReadInstanceOptions {
  readonly follow: boolean;
  readonly options: LogOptions;
  /** Takes lines; resolves when more can be taken. */
  readonly write: (lines: readonly LogEntry[]) => Promise<void>;
  /** Reports events such as a lost connection. */
  readonly notify: (text: string) => void;
  readonly signal: AbortSignal;
}

/** Reads the log of one instance to its end, or follows it until the signal aborts. Throws Failures of its host. */
export async function readInstance(
  { id, context: { clock } }: Session,
  connected: ConnectedEnvironment,
  { service, instance, container }: ServiceInstance,
  { follow, options, write, notify, signal }: ReadInstanceOptions,
): Promise<void> {
  const { host: name } = instance;
  const servingContainer = (facts: HostFacts) => serving(facts, id, service.name)[0];
  const writeLines = (lines: readonly LogLine[], of: ContainerFacts) => {
    const release = releaseOf(of) ?? null;
    return write(lines.map((line) => ({ host: name, service: service.name, release, ...line })));
  };
  const host = connected.hosts.connected.get(name);
  const first = host === undefined || container === undefined ? undefined : { host, container };
  if (follow) {
    const find = async () => {
      const reached = await connected.reconnect(name, signal);
      const found = servingContainer(await connected.readHost(reached));
      return found === undefined ? undefined : { host: reached, container: found };
    };
    await followInstance(first, options, { clock, write: writeLines, notify, find }, signal);
  } else if (first !== undefined) {
    const onLines = (lines: readonly LogLine[]) => writeLines(lines, first.container);
    await first.host.engine.readLogs(first.container.id, options, onLines, signal);
  }
}

/** Throws a usage Failure if a host cannot stream that many logs at once. */
export function checkStreamLimit(
  places: readonly ServiceInstance[],
  { hosts }: Pick<ConnectedEnvironment, 'hosts'>,
): void {
  for (const [name, { engine }] of hosts.connected) {
    const here = places.filter(({ instance }) => instance.host === name);
    if (here.length > engine.streams)
      throw new Failure('usage', 'logs.many', `${name} allows only ${engine.streams} log streams at once`, {
        host: name,
        hint: 'name fewer services, or set `AllowStreamLocalForwarding yes` in its sshd_config',
      });
  }
}
