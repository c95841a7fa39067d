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
import { bad, caution, good, looking } from './finding.js';

const gigabyte = 1e9;
/** Seconds that a clock may be off. */
const leeway = 5;
/** The sessions that one run may need at a time. */
const sessions = 4;

/** Asked for in one command; a line each: `name value`. */
const script = `echo time $(date +%s)
echo free $( (df -Pk /var/lib/docker 2>/dev/null || df -Pk /) | awk 'NR==2 {print $4}')
echo sessions $(cat /etc/ssh/sshd_config.d/*.conf /etc/ssh/sshd_config 2>/dev/null | awk 'tolower($1)=="maxsessions" {print $2; exit}')
echo logs $( (sudo -n find /var/lib/docker/containers -name '*-json.log' -size +1000000k || find /var/lib/docker/containers -name '*-json.log' -size +1000000k) 2>/dev/null | wc -l)
:`;

/** Every host by itself: a dead one does not hide the others. Then the bastions, and the registry by the first host that answers. */
export async function checkHosts(
  session: Session,
  connected: ConnectedEnvironment,
): Promise<readonly Finding[]> {
  const { environment, context } = session;
  const id = environmentId(environment);
  const reached = [...connected.hosts.connected.values()];
  const hosts = environment.hosts.map(async ({ name }) => {
    const failure = connected.hosts.failures.find(({ host }) => host === name);
    if (failure !== undefined) return [bad(name, 'ssh', failure)];
    const host = connected.hosts.connected.get(name);
    return host === undefined ? [] : aboutHost(context, host, environment.services, id);
  });
  const found = await Promise.all([
    aboutBastions(session),
    ...hosts,
    aboutImages(reached, connected, environment.services),
  ]);
  return found.flat();
}

async function aboutHost(
  context: Context,
  host: Host,
  services: readonly Service[],
  id: EnvironmentId,
): Promise<readonly Finding[]> {
  const { name } = host;
  const found = await Promise.all([
    [good(name, 'ssh', 'reached, its key is known')],
    looking(name, 'docker', async () => {
      const { version, platform } = await host.engine.version();
      const containers = await host.engine.containers();
      return [good(name, 'docker', `${version}, ${platform}`), ...ports(name, containers, services, id)];
    }),
    looking(name, 'machine', () => machine(context, host)),
    looking(name, 'lease', async () => {
      const [holder] = await leaseHolders([host], id);
      if (holder === undefined) return [];
      const text = `held by ${holder.who} since ${holder.since}, run ${holder.run}`;
      return [caution(name, 'lease', text, 'oneclick lease show')];
    }),
  ]);
  return found.flat();
}

/** Containers that are not ours on our ports, and how many of ours are kept to go back to. */
export function ports(
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
          const message = `${container.name} is not ours, and has port ${port?.host} of ${name}`;
          const hint = `oneclick deploy ${name} --adopt ${container.name}, or on ${host}: docker stop ${container.name}`;
          return bad(host, 'ports', new Failure('failed', 'port.foreign', message, { hint }));
        }),
    );
  const kept = ours.filter((container) => !isUp(container)).length;
  const idle = kept === 0 ? [] : [good(host, 'kept', `${count(kept, 'container')} to go back to`)];
  return [...foreign, ...idle];
}

async function machine({ clock }: Context, host: Host): Promise<readonly Finding[]> {
  const before = clock.now().getTime();
  const { stdout } = await host.run({ argv: ['sh', '-c', script], timeout: 20_000 });
  return machineFindings(host.name, stdout, { before, after: clock.now().getTime() });
}

/** What the answer of the script means. Its clock was read between these two times of ours, ms. */
export function machineFindings(
  host: string,
  stdout: string,
  { before, after }: { readonly before: number; readonly after: number },
): readonly Finding[] {
  const said = new Map(
    stdout.split('\n').map((line) => [line.split(' ')[0] ?? '', line.split(' ')[1] ?? ''] as const),
  );
  const number = (key: string) => {
    const text = said.get(key);
    return text === undefined || !/^\d+$/.test(text) ? undefined : Number(text);
  };
  const [time, free, most, logs] = [number('time'), number('free'), number('sessions'), number('logs')];
  return [
    ...(free === undefined ? [] : [disk(host, free * 1024)]),
    ...(time === undefined ? [] : [clockFinding(host, time, before / 1000, after / 1000)]),
    ...(most === undefined || most >= sessions
      ? []
      : [caution(host, 'sshd', `MaxSessions ${most} makes it slow`, 'MaxSessions 10 in its sshd_config')]),
    ...(logs === undefined || logs === 0
      ? []
      : [
          caution(
            host,
            'logs',
            `${count(logs, 'container log')} above 1 GB`,
            '"log-opts": {"max-size": "100m"} in its /etc/docker/daemon.json, then make the containers anew',
          ),
        ]),
  ];
}

function disk(host: string, free: number): Finding {
  const text = `${bytes(free)} free for images`;
  return free < 2 * gigabyte
    ? caution(host, 'disk', text, `oneclick ssh ${host} -- docker image prune --all`)
    : good(host, 'disk', text);
}

function clockFinding(host: string, time: number, before: number, after: number): Finding {
  const off = time < before ? before - time : time > after ? time - after : 0;
  if (off <= leeway) return good(host, 'clock', 'as here');
  const way = time < before ? 'behind this machine' : 'ahead of this machine';
  return caution(
    host,
    'clock',
    `${Math.round(off)} s ${way}`,
    `oneclick ssh ${host} -- sudo timedatectl set-ntp true`,
  );
}

/** Each host that others are reached through, once. */
async function aboutBastions({
  context,
  environment: { hosts },
  listener: reporter,
}: Session): Promise<readonly Finding[]> {
  const bastions = new Map(
    hosts.flatMap(({ bastion }) => (bastion === undefined ? [] : [[bastion.name, bastion]])),
  );
  if (bastions.size === 0) return [];
  const environment = { home: context.home, user: context.user, variables: context.env };
  const reached = await context.adapters.connect([...bastions.values()], {
    ...{ clock: context.clock, environment },
    onCall: (call) => reporter.call(call),
  });
  await reached.close();
  return [...bastions.keys()].map((name) => {
    const failure = reached.failures.find(({ host }) => host === name);
    return failure === undefined ? good('bastion', name, 'reached') : bad('bastion', name, failure);
  });
}

/** Whether the registry has what is deployed by default, as a host's engine says. */
async function aboutImages(
  hosts: readonly Host[],
  { ports }: ConnectedEnvironment,
  services: readonly Service[],
): Promise<readonly Finding[]> {
  const found = await Promise.all(
    services.map(({ name, image, instances }) => {
      const host = hosts.find((one) => instances.some((instance) => instance.host === one.name));
      if (image.kind !== 'fixed' || host === undefined) return [];
      return looking('registry', name, async () => {
        const { digest } = await host.engine.resolve(image.reference, await ports.auth(image.reference));
        return [good('registry', name, `${image.reference} is ${digest.slice(0, 19)}`)];
      });
    }),
  );
  return found.flat();
}
