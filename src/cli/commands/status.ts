import type { Facts, HostFacts } from '../../domain/facts.js';
import { failureRecord } from '../../domain/failure.js';
import { releaseOf } from '../../domain/labels.js';
import { current, releaseLog } from '../../domain/log.js';
import { serving } from '../../domain/rollout.js';
import type { Instance, Service } from '../../domain/service.js';
import { ago } from '../../report/measure.js';
import { type Column, table } from '../../report/table.js';
import { chooseServices } from '../choice.js';
import type { Edge } from '../edge.js';
import type { Globals } from '../program.js';
import { newRun, openField, openSession, type Session } from '../session.js';
import { refuse, speaking } from '../speak.js';

interface InstanceStatus {
  readonly id: string;
  readonly host: string;
  readonly release: number | null;
  readonly image: string | null;
  readonly digest: string | null;
  readonly state: string;
  readonly health: string | null;
  readonly since: string | null;
}

interface StatusDocument {
  readonly environment: string;
  readonly services: readonly {
    readonly name: string;
    readonly release: number | null;
    readonly instances: readonly InstanceStatus[];
  }[];
}

/** `oneclick status`: what runs where, as the engines of the hosts say. */
export function status(
  edge: Edge,
  names: readonly string[],
  flags: Globals & { env?: string },
): Promise<number> {
  return speaking(edge, flags, async (voice) => {
    const session = await openSession(edge, voice, flags);
    const services = chooseServices(session.environment.services, {
      services: names,
      only: [],
      images: [],
    }).map(
      // Status looks at the servers; a registry is none of them.
      (service) => ({
        ...service,
        image: { kind: 'build', repository: service.name, context: '.' } as const,
      }),
    );
    const done = voice.reporter.busy(`looking at ${session.environment.name}`);
    const field = await openField(session, services);
    try {
      const { facts, problems } = await field.look().finally(done);
      if (Object.keys(facts.hosts).length === 0 && problems.length > 0)
        return refuse(voice.reporter, problems);
      voice.reporter.result(documentOf(session, services, facts), (document, page) =>
        table(rowsOf(document, edge.clock.now()), columns, page),
      );
      for (const problem of problems.map(failureRecord))
        voice.reporter.warn(`${problem.host ?? ''}: ${problem.message}`);
      return problems.length > 0 ? refuse(voice.reporter, problems) : 0;
    } finally {
      await field.close();
    }
  });
}

function documentOf(session: Session, services: readonly Service[], facts: Facts): StatusDocument {
  return {
    environment: session.environment.name,
    services: services.map((service) => ({
      name: service.name,
      release: current(releaseLog(facts, service.name))?.release.number ?? null,
      instances: service.instances.map((instance) =>
        statusOf(session, service, instance, facts.hosts[instance.host]),
      ),
    })),
  };
}

function statusOf(
  session: Session,
  service: Service,
  { id, host }: Instance,
  facts: HostFacts | undefined,
): InstanceStatus {
  const none = { id, host, release: null, image: null, digest: null, health: null, since: null };
  if (facts === undefined) return { ...none, state: 'unreachable' };
  const [container] = serving(facts, newRun(session, 'status'), service.name);
  if (container === undefined) return { ...none, state: 'stopped' };
  const digest = container.image.split('@')[1];
  return {
    id,
    host,
    release: releaseOf(container) ?? 0,
    image: container.labels['oneclick.reference'] ?? container.image,
    digest: digest ?? null,
    state: container.state,
    health: container.health ?? null,
    since: container.started ?? null,
  };
}

type Row = InstanceStatus & {
  readonly service: string;
  readonly age: string;
  readonly current: number | null;
};

function rowsOf(document: StatusDocument, now: Date): readonly Row[] {
  return document.services.flatMap(({ name, release, instances }) =>
    instances.map((instance) => ({
      ...instance,
      service: name,
      current: release,
      age: instance.since === null ? '' : ago(new Date(instance.since), now),
    })),
  );
}

const columns: readonly Column<Row>[] = [
  { title: 'SERVICE', value: (row) => row.service },
  { title: 'HOST', value: (row) => row.host },
  {
    title: 'RELEASE',
    value: (row) =>
      row.release === null ? '-' : `${row.release}${row.release === row.current ? '' : ' (not current)'}`,
  },
  { title: 'IMAGE', value: (row) => row.image ?? '-', narrow: 'cut' },
  { title: 'STATE', value: (row) => (row.health === null ? row.state : `${row.state}, ${row.health}`) },
  { title: 'SINCE', value: (row) => row.age, narrow: 'cut' },
];
