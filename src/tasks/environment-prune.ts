import { z } from 'zod';
import { targetName } from '../domain/balancing.js';
import { isOurs, withHost } from '../domain/container.js';
import type { Facts } from '../domain/facts.js';
import { Failure } from '../domain/failure.js';
import { lastTarget, ServedTarget, servedTargets } from '../domain/former-targets.js';
import { count } from '../domain/measure.js';
import { dockerOn, type PlainCommand } from '../domain/plain-command.js';
import { adoptedContainers, defaultStopTimeout, type PrunableHost, prunableOn } from '../domain/prunable.js';
import { isUp } from '../domain/rollout.js';
import type { Change, Subject, TaskContext } from '../domain/task.js';
import { describeUnconfigured } from '../domain/unconfigured.js';
import { stopCommand } from './explain-docker.js';
import { keptWarning, removeUnused } from './remove-unused.js';
import { deregisterAndDrain } from './target-wait.js';
import { type Ports, task } from './task.js';

const HostIntent = z.strictObject({
  host: z.string(),
  containers: z.array(
    z.strictObject({
      name: z.string(),
      /** For it to stop, ms; absent if it is not running. */
      timeout: z.number().optional(),
    }),
  ),
  images: z.array(z.string()),
  /** Volumes of the release log. */
  lines: z.array(z.string()),
  /** Volumes with data. */
  data: z.array(z.string()),
});
type HostIntent = z.infer<typeof HostIntent>;

/** Removes the services, and the containers on hosts, that the configuration does not list any more. */
export const environmentPrune = task({
  name: 'environment.prune',
  version: 1,
  scope: 'run',
  needs: (service) => (service?.targetGroup === undefined ? ['hosts'] : ['hosts', 'cloud']),
  summary: 'Removes containers, images and release log lines of what is no longer configured.',
  input: z.strictObject({
    /** Host names, separated by commas; all hosts by default. */
    hosts: z.string().optional(),
    /** Whether to remove volumes with data. */
    volumes: z.boolean().default(false),
  }),
  intent: z.strictObject({ hosts: z.array(HostIntent), targets: z.array(ServedTarget) }),
  receipt: z.strictObject({ removed: z.int() }),
  title: () => 'remove what is no longer configured',
  check(facts, { hosts, volumes }, subject) {
    const chosen = hosts === undefined ? Object.keys(facts.hosts) : hosts.split(',');
    const problems = chosen.filter((name) => facts.hosts[name] === undefined).map(unread);
    if (problems.length > 0) return { kind: 'blocked', problems };
    const found = chosen.flatMap((name) => {
      const host = facts.hosts[name];
      return host === undefined
        ? []
        : [{ ...prunableOn(facts, host, subject.run, subject.services), known: host }];
    });
    const running = found.flatMap(({ prunable: { host, containers } }) =>
      containers.filter(({ container }) => isUp(container)).map(({ container }) => ({ host, container })),
    );
    const targets = servedTargets(facts, running);
    const last = lastTarget(facts, targets);
    if (last !== undefined) return { kind: 'blocked', problems: [last] };
    const staying = found.flatMap(({ staying }) => staying.flatMap((one) => describeUnconfigured(one) ?? []));
    const adopted = found.flatMap(({ known, prunable }) =>
      adoptedContainers(known, subject.run, Object.keys(prunable.lines)).map(
        (name) => `${name} on ${known.host} was adopted and keeps running: it has no labels of oneclick`,
      ),
    );
    const intents = found.map(({ prunable }) => intentOf(prunable, volumes)).filter(({ names }) => names > 0);
    const removed = intents.reduce((sum, { names }) => sum + names, 0);
    if (removed === 0) {
      const because =
        ['everything on the hosts is configured', ...staying].at(staying.length === 0 ? 0 : 1) ?? '';
      return { kind: 'done', because, receipt: { removed: 0 }, news: true };
    }
    const kept = volumes ? [] : found.flatMap(({ prunable }) => keptData(prunable));
    return {
      kind: 'todo',
      changes: [
        ...targets.map(({ name, target }) => ({ text: `deregister ${targetName(target)} from ${name}` })),
        ...found.flatMap(({ prunable }) => changesOf(prunable, volumes)),
      ],
      intent: { hosts: intents.map(({ intent }) => intent), targets: [...targets] },
      expect: { removed },
      predict: (later) => intents.reduce((known, { intent }) => withoutContainers(intent)(known), later),
      cautions: [...staying, ...adopted, ...kept],
    };
  },
  explain: ({ hosts, targets }) => [
    ...targets.flatMap(({ group, target }) => [
      { why: 'stop sending requests to it', call: { kind: 'deregister', group, targets: [target] } } as const,
      {
        why: 'wait until its last request is answered',
        call: { kind: 'wait-drained', group, targets: [target] },
      } as const,
    ]),
    ...hosts.flatMap(commandsOf),
  ],
  async apply(context, { hosts, targets }) {
    await Promise.all(targets.map((target) => deregisterAndDrain(context, target)));
    const results = await Promise.all(hosts.map((host) => pruneHost(context, host)));
    const kept = hosts.map(({ host }, index) => [host, results[index]?.kept ?? []] as const);
    const warning = keptWarning(Object.fromEntries(kept));
    if (warning !== undefined) context.warn(warning);
    return { removed: results.reduce((sum, { removed }) => sum + removed, 0) };
  },
  undo: { never: 'to run a service again, add it to oneclick.yml and deploy it' },
});

function unread(host: string): Failure {
  return new Failure('unreachable', 'host.unknown', 'cannot read the facts of this host', { host });
}

const namesOf = ({ containers, images, lines, data }: HostIntent) => [
  ...containers.map(({ name }) => name),
  ...[...images, ...lines, ...data],
];

function intentOf({ host, containers, images, lines, data }: PrunableHost, volumes: boolean) {
  const intent: HostIntent = {
    host,
    containers: containers.map(({ container, timeout }) => ({
      name: container.name,
      ...(isUp(container) ? { timeout } : {}),
    })),
    images: [...images],
    lines: Object.values(lines).flat(),
    data: volumes ? [...data] : [],
  };
  return { intent, names: namesOf(intent).length };
}

function changesOf(
  { host, containers, images, lines, data }: PrunableHost,
  volumes: boolean,
): readonly Change[] {
  return [
    ...containers.map(
      ({ container }) => `${isUp(container) ? 'stop and remove' : 'remove'} ${container.name}`,
    ),
    ...images.map((image) => `remove image ${image}`),
    ...Object.entries(lines).map(
      ([service, names]) => `remove ${count(names.length, 'release log line')} of ${service}`,
    ),
    ...(volumes ? data.map((name) => `remove volume ${name} with its data`) : []),
  ].map((text) => ({ host, text }));
}

function keptData({ host, data }: PrunableHost): readonly string[] {
  if (data.length === 0) return [];
  const [noun, pronoun] = data.length === 1 ? ['volume', 'it'] : ['volumes', 'them'];
  const names = data.join(', ');
  return [
    `${noun} ${names} will be kept on ${host}; to remove ${pronoun} too, add --volumes (a later prune no longer finds ${pronoun})`,
  ];
}

function withoutContainers({ host, containers, images }: HostIntent): (facts: Facts) => Facts {
  const names = new Set(containers.map(({ name }) => name));
  return withHost(host, (known) => ({
    ...known,
    containers: known.containers.filter(({ name }) => !names.has(name)),
    images: known.images.filter(({ digests }) => !digests.some((digest) => images.includes(digest))),
  }));
}

function commandsOf({ host, containers, images, lines, data }: HostIntent): readonly PlainCommand[] {
  const remove = (what: string, names: readonly string[], ...verb: readonly string[]) =>
    names.length === 0 ? [] : [dockerOn(host, `remove ${what}`, ...verb, ...names)];
  const running = containers.flatMap(({ name, timeout }) =>
    timeout === undefined ? [] : [{ name, timeout }],
  );
  return [
    ...running.flatMap(({ name, timeout }) => [
      dockerOn(host, `disable automatic restart of ${name}`, 'update', '--restart', 'no', name),
      stopCommand(host, `stop ${name}`, [name], timeout),
    ]),
    ...remove(
      'containers',
      containers.map(({ name }) => name),
      'rm',
      '--force',
    ),
    ...remove('images that nothing else uses', images, 'rmi'),
    ...remove('volumes with data', data, 'volume', 'rm'),
    ...remove('release log lines', lines, 'volume', 'rm'),
  ];
}

/** The log lines go last: they name the rest, should this be interrupted or a volume be in use. */
async function pruneHost(
  { ports, subject }: TaskContext<Ports>,
  intent: HostIntent,
): Promise<{ readonly removed: number; readonly kept: readonly string[] }> {
  const { host, containers, images, lines, data } = intent;
  const { engine } = ports.host(host);
  await Promise.all(containers.map((container) => removeContainer(ports, subject, host, container)));
  const kept = await removeUnused(engine, { images, volumes: data });
  const removed = namesOf(intent).length - kept.length;
  if (kept.some((name) => name.startsWith('volume '))) return { removed: removed - lines.length, kept };
  await Promise.all(lines.map((name) => engine.removeVolume(name)));
  return { removed, kept };
}

async function removeContainer(
  ports: Ports,
  { run }: Subject,
  host: string,
  { name, timeout }: HostIntent['containers'][number],
): Promise<void> {
  const { engine } = ports.host(host);
  const found = await engine.container(name);
  if (found === undefined || !isOurs(found, run)) return;
  if (isUp(found)) {
    await engine.setRestart(found.id, 'no');
    await engine.stop(found.id, timeout ?? defaultStopTimeout);
  }
  await engine.remove(found.id);
}
