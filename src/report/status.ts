import type { InstanceStatus, StatusDocument } from '../app/status.js';
import { describeStep } from '../domain/describe-step.js';
import { ago, bytes, count } from '../domain/measure.js';
import type { Page } from './style.js';
import { type Column, table } from './table.js';
import { hanging, onHosts } from './text.js';

/** Returns the status on one screen: a verdict, a table of instances, and notes. */
export function statusText(document: StatusDocument, page: Page, now: Date): string {
  const rows = rowsOf(document, now);
  const isNew = rows.every(
    ({ current, release, state }) => current === null && release === null && state === 'stopped',
  );
  const wrong = isNew ? [] : rows.filter(({ why }) => why !== null);
  const mark = wrong.length === 0 ? page.style.good : page.style.bad;
  const verdict = hanging(
    `${document.environment}: ${isNew ? 'nothing is deployed yet' : verdictOf(rows, wrong)}`,
    page.columns,
    '',
  );
  const notes = [
    ...section('problem', problemTexts(wrong), page).map(page.style.bad),
    ...section('canary', canaryTexts(rows), page),
    ...section('lease', leaseTexts(document, now), page),
    ...section('run', interruptedRuns(document, now), page),
    ...section('disk', document.disks.map(diskText), page).map(page.style.caution),
    ...section('failed', failedTexts(document), page),
    ...section('cleanup', leftoverTexts(document), page),
    ...section('cleanup', unconfiguredTexts(document), page).map(page.style.caution),
    ...section('engine', engineTexts(document), page),
  ];
  return [
    ...verdict.map((line) => `${page.style.strong(mark(line))}\n`),
    ...(rows.length === 0 ? [] : ['\n', table(rows, columnsFor(page), page)]),
    ...(notes.length === 0 ? [] : ['\n', ...notes.map((line) => `${line}\n`)]),
  ].join('');
}

type Row = InstanceStatus & {
  readonly service: string;
  readonly age: string;
  readonly current: number | null;
};

function rowsOf({ services }: StatusDocument, now: Date): readonly Row[] {
  return services.flatMap(({ name, release, instances }) =>
    instances.map((instance) => ({
      ...{ ...instance, service: name, current: release },
      age: instance.since === null ? '' : ago(new Date(instance.since), now),
    })),
  );
}

function verdictOf(rows: readonly Row[], wrong: readonly Row[]): string {
  if (wrong.length > 0)
    return `${wrong.length} of ${count(rows.length, 'instance')} ${wrong.length === 1 ? 'needs' : 'need'} attention`;
  return rows.length === 1
    ? 'the only instance runs the current release'
    : `all ${rows.length} instances run their current release`;
}

function columnsFor({ columns, style }: Page): readonly Column<Row>[] {
  return [
    { title: 'SERVICE', value: (row) => row.service },
    { title: 'HOST', value: (row) => row.host },
    { title: 'RELEASE', value: (row) => releaseText(row) },
    { title: 'IMAGE', value: (row) => imageText(row.image, columns), narrow: 'cut' },
    {
      ...{ title: 'STATE', value: stateText },
      style: (text, row) => (row.why === null ? text : style.bad(text)),
    },
    { title: 'SINCE', value: (row) => row.age, narrow: 'cut' },
    { title: 'BY', value: (row) => row.who ?? '', narrow: 'cut' },
  ];
}

function releaseText({ release, current }: Row): string {
  if (release === null) return '-';
  return release === current ? `${release}` : `${release} (not current)`;
}

function stateText({ state, health, restarts }: Row): string {
  return [
    state,
    ...(health === null ? [] : [health]),
    ...(restarts === 0 ? [] : [count(restarts, 'restart')]),
  ].join(', ');
}

/** Returns the reference, on terminals without registry and path, so that the tag is not cut. */
export function imageText(reference: string | null, columns: number): string {
  if (reference === null) return '-';
  return Number.isFinite(columns) ? reference.slice(reference.lastIndexOf('/') + 1) : reference;
}

/** Returns texts under a label, wrapped. */
function section(name: string, texts: readonly string[], { columns }: Page): string[] {
  return texts.flatMap((text) => hanging(text, columns, `${name.padEnd(7)}  `));
}

/** Folds the same problem on several hosts into one text. */
function problemTexts(wrong: readonly Row[]): string[] {
  const hosts = new Map<string, string[]>();
  for (const { service, host, why } of wrong)
    hosts.set(`${service}\n${why}`, [...(hosts.get(`${service}\n${why}`) ?? []), host]);
  return [...hosts].map(([key, names]) => {
    const [service, why] = key.split('\n');
    return `${service} ${onHosts(names, 40)}: ${why}`;
  });
}

/** Returns the canary of each service, its hosts and the next commands. */
function canaryTexts(rows: readonly Row[]): string[] {
  return [...new Set(rows.map(({ service }) => service))].flatMap((service) => {
    const canaries = rows.filter((row) => row.service === service && row.canary !== null);
    const [first] = canaries;
    if (first === undefined) return [];
    const hosts = onHosts(
      canaries.map(({ host }) => host),
      40,
    );
    return `${service} release ${first.canary} ${hosts}; next: oneclick promote ${service}, or oneclick rollback ${service}`;
  });
}

function leaseTexts({ leases }: StatusDocument, now: Date): string[] {
  return [...new Set(leases.map(({ run }) => run))].map((run) => {
    const held = leases.filter((lease) => lease.run === run);
    const [{ recipe, who, since, step } = { recipe: '', who: '', since: '', step: '' }] = held;
    const hosts = onHosts(
      held.map(({ host }) => host),
      40,
    );
    return `held by ${who} ${hosts}: ${recipe} ${run}, started ${ago(new Date(since), now)}${step === '' ? '' : `, now ${describeStep(step)}`}`;
  });
}

const interruptedRuns = ({ runs }: StatusDocument, now: Date) =>
  runs.map(
    ({ run, recipe, who, started, next }) =>
      `${recipe} ${run}, started by ${who} ${ago(new Date(started), now)}, was interrupted: ${next}`,
  );

const diskText = ({ host, free, size }: StatusDocument['disks'][number]) =>
  `${host}: ${bytes(free)} free${size === null ? '' : ` of ${bytes(size)}`}`;

/** One text per failed run. */
function failedTexts({ failed }: StatusDocument): string[] {
  return [...new Set(failed.map(({ run }) => run))].map((run) => {
    const kept = failed.filter((one) => one.run === run);
    const services = [...new Set(kept.map(({ service }) => service))].join(', ');
    const hosts = onHosts([...new Set(kept.map(({ host }) => host))], 40);
    return `run ${run} of ${services} ${hosts}; its logs: oneclick logs --run ${run}`;
  });
}

const leftoverTexts = ({ left }: StatusDocument) =>
  left.map(({ host, container, run, serves }) =>
    serves
      ? `${container} on ${host}: serves, but run ${run} died before it became current; continue the run (oneclick resume ${run}) or deploy again`
      : `${container} on ${host}: left over from run ${run}, which died; the next deploy removes it`,
  );

const unconfiguredTexts = ({ unconfigured, removedHosts }: StatusDocument) => [
  ...unconfigured.map(({ why }) => why),
  ...removedHosts.map(
    ({ host, service, run }) =>
      `${host} is no longer configured, but run ${run} deployed ${service} there; remove what is left: oneclick prune --host ADDRESS`,
  ),
];

const engineTexts = ({ engines }: StatusDocument) =>
  engines.length < 2
    ? []
    : [engines.map(({ engine, hosts }) => `${engine} ${onHosts(hosts, 40)}`).join('; ')];
