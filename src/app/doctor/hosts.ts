import { isOurs } from '../../domain/container.js';
import { type EnvironmentId, environmentId } from '../../domain/environment.js';
import type { ContainerFacts } from '../../domain/facts.js';
import { Failure } from '../../domain/failure.js';
import { bytes, count } from '../../domain/measure.js';
import { isUp } from '../../domain/rollout.js';
import type { Service } from '../../domain/service.js';
import type { Host } from '../../host/host.js';
import { leaseHolders } from '../../host/lease/lease.js';
import type { ConnectedEnvironment } from '../connect.js';
import type { Context } from '../context.js';
import type { Session } from '../session.js';
import type { Finding } from './finding.js';
import { check, failed, passed, warning } from './finding.js';

const gigabyte = 1e9;
/** Seconds. */
const clockTolerance = 5;
/** The SSH sessions that a run may use at once. */
const minSessions = 4;

/** Prints lines of `name value`. */
const script = `echo time $(date +%s)
echo free $( (df -Pk /var/lib/docker 2>/dev/null || df -Pk /) | awk 'NR==2 {print $4}')
echo sessions $(cat /etc/ssh/sshd_config.d/*.conf /etc/ssh/sshd_config 2>/dev/null | awk 'tolower($1)=="maxsessions" {print $2; exit}')
echo logs $( (sudo -n find /var/lib/docker/containers -name '*-json.log' -size +1000000k || find /var/lib/docker/containers -name '*-json.log' -size +1000000k) 2>/dev/null | wc -l)
:`;

/** Checks every host, the bastions, and the registry from the first reachable host. Unreachable hosts are findings. */
export async function checkHosts(
  session: Session,
  connected: ConnectedEnvironment,
): Promise<readonly Finding[]> {
  const { environment, context } = session;
  const id = environmentId(environment);
  const reached = [...connected.hosts.connected.values()];
  const hosts = environment.hosts.map(async ({ name }) => {
    const failure = connected.hosts.failures.find(({ host }) => host === name);
    if (failure !== undefined) return [failed(name, 'ssh', failure)];
    const host = connected.hosts.connected.get(name);
    return host === undefined ? [] : checkHost(context, host, environment.services, id);
  });
  const found = await Promise.all([
    checkBastions(session),
    ...hosts,
    checkImages(reached, connected, environment.services),
  ]);
  return found.flat();
}

async function checkHost(
  context: Context,
  host: Host,
  services: readonly Service[],
  id: EnvironmentId,
): Promise<readonly Finding[]> {
  const { name } = host;
  const found = await Promise.all([
    [passed(name, 'ssh', 'connected, host key is known')],
    check(name, 'docker', async () => {
      const { version, platform } = await host.engine.version();
      const containers = await host.engine.containers();
      return [
        passed(name, 'docker', `${version}, ${platform}`),
        ...containerFindings(name, containers, services, id),
      ];
    }),
    check(name, 'machine', () => checkMachine(context, host)),
    check(name, 'lease', async () => {
      const [holder] = await leaseHolders([host], id);
      if (holder === undefined) return [];
      const text = `held by ${holder.who} (run ${holder.run}) since ${holder.since}`;
      return [warning(name, 'lease', text, 'oneclick lease show')];
    }),
  ]);
  return found.flat();
}

/** Finds foreign containers on ports of the services, and counts containers kept for rollback. */
export function containerFindings(
  host: string,
  containers: readonly ContainerFacts[],
  services: readonly Service[],
  id: EnvironmentId,
): readonly Finding[] {
  const ours = containers.filter((container) => isOurs(container, id));
  const foreign = services
    .filter(({ instances }) => instances.some((instance) => instance.host === host))
    .flatMap(({ name, port }) =>
      containers
        .filter((container) => port !== undefined && isUp(container) && container.ports.includes(port.host))
        .filter((container) => !ours.includes(container))
        .map((container) => {
          const message = `port ${port?.host} of ${name} is used by ${container.name}, which oneclick does not manage`;
          const hint = `run oneclick deploy ${name} --adopt ${container.name}, or docker stop ${container.name} on ${host}`;
          return failed(host, 'ports', new Failure('failed', 'port.foreign', message, { hint }));
        }),
    );
  const kept = ours.filter((container) => !isUp(container)).length;
  const idle = kept === 0 ? [] : [passed(host, 'kept', `${count(kept, 'container')} for rollbacks`)];
  return [...foreign, ...idle];
}

async function checkMachine({ clock }: Context, host: Host): Promise<readonly Finding[]> {
  const before = clock.now().getTime();
  const { stdout } = await host.run({ argv: ['sh', '-c', script], timeout: 20_000 });
  return machineFindings(host.name, stdout, { before, after: clock.now().getTime() });
}

/** Parses the output of the script, which ran between two times of this machine, ms. */
export function machineFindings(
  host: string,
  stdout: string,
  { before, after }: { readonly before: number; readonly after: number },
): readonly Finding[] {
  const values = new Map(
    stdout.split('\n').map((line) => [line.split(' ')[0] ?? '', line.split(' ')[1] ?? ''] as const),
  );
  const number = (key: string) => {
    const text = values.get(key);
    return text === undefined || !/^\d+$/.test(text) ? undefined : Number(text);
  };
  const [time, free, maxSessions, logs] = [
    number('time'),
    number('free'),
    number('sessions'),
    number('logs'),
  ];
  return [
    ...(free === undefined ? [] : [diskFinding(host, free * 1024)]),
    ...(time === undefined ? [] : [clockFinding(host, time, before / 1000, after / 1000)]),
    ...(maxSessions === undefined || maxSessions >= minSessions
      ? []
      : [
          warning(
            host,
            'sshd',
            `MaxSessions ${maxSessions} slows down deploys`,
            'set MaxSessions 10 in its sshd_config',
          ),
        ]),
    ...(logs === undefined || logs === 0
      ? []
      : [
          warning(
            host,
            'logs',
            `${count(logs, 'container log')} larger than 1 GB`,
            'set "log-opts": {"max-size": "100m"} in its /etc/docker/daemon.json, then recreate the containers',
          ),
        ]),
  ];
}

function diskFinding(host: string, free: number): Finding {
  const text = `${bytes(free)} free for images`;
  return free < 2 * gigabyte
    ? warning(host, 'disk', text, `oneclick ssh ${host} -- docker image prune --all`)
    : passed(host, 'disk', text);
}

function clockFinding(host: string, time: number, before: number, after: number): Finding {
  const off = time < before ? before - time : time > after ? time - after : 0;
  if (off <= clockTolerance) return passed(host, 'clock', 'same as this machine');
  const way = time < before ? 'behind this machine' : 'ahead of this machine';
  return warning(
    host,
    'clock',
    `${Math.round(off)} s ${way}`,
    `oneclick ssh ${host} -- sudo timedatectl set-ntp true`,
  );
}

/** Checks each bastion once. */
async function checkBastions({
  context,
  environment: { hosts },
  listener: reporter,
}: Session): Promise<readonly Finding[]> {
  const bastions = new Map(
    hosts.flatMap(({ bastion }) => (bastion === undefined ? [] : [[bastion.name, bastion]])),
  );
  if (bastions.size === 0) return [];
  const environment = { home: context.home, user: context.user, variables: context.env };
  const bastionHosts = await context.adapters.connect([...bastions.values()], {
    ...{ clock: context.clock, environment },
    onCall: (call) => reporter.call(call),
  });
  await bastionHosts.close();
  return [...bastions.keys()].map((name) => {
    const failure = bastionHosts.failures.find(({ host }) => host === name);
    return failure === undefined ? passed('bastion', name, 'connected') : failed('bastion', name, failure);
  });
}

/** Checks that the registry has the configured images, by the engine of a host. */
async function checkImages(
  hosts: readonly Host[],
  { ports }: ConnectedEnvironment,
  services: readonly Service[],
): Promise<readonly Finding[]> {
  const found = await Promise.all(
    services.map(({ name, image, instances }) => {
      const host = hosts.find(({ name }) => instances.some((instance) => instance.host === name));
      if (image.kind !== 'fixed' || host === undefined) return [];
      return check('registry', name, async () => {
        const { reference } = image;
        const { digest } = await ports.withLogin(host, reference, (login) =>
          host.engine.resolve(reference, login),
        );
        return [passed('registry', name, `${image.reference} is ${digest.slice(0, 19)}`)];
      });
    }),
  );
  return found.flat();
}
