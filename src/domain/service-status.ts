import { containerOf } from './container.js';
import type { EnvironmentId } from './environment.js';
import type { ContainerFacts, Facts, HostFacts } from './facts.js';
import { label, releaseOf } from './labels.js';
import { canaryOf, current, releaseLog } from './log.js';
import { count } from './measure.js';
import type { Activation, Release } from './release.js';
import { isProvisional, isUp, serving } from './rollout.js';
import { leavesOldRunning } from './routing.js';
import type { Service } from './service.js';

/** The status of a service on one host. Unknown or missing values are null. */
export interface ServiceStatus {
  readonly release: number | null;
  readonly image: string | null;
  readonly digest: string | null;
  readonly state: string;
  readonly health: string | null;
  readonly since: string | null;
  /** The user who activated the release, or else created its container. */
  readonly who: string | null;
  readonly restarts: number;
  /** The exit code of a container that should be running. */
  readonly exit: number | null;
  readonly outOfMemory: boolean;
  /** The canary release on this host. */
  readonly canary: number | null;
  /** The reason why the service needs attention. */
  readonly why: string | null;
}

type StatusSubject = Pick<Service, 'name' | 'swap' | 'targetGroup'>;

const noRelease = {
  ...{ release: null, image: null, digest: null, health: null, since: null, who: null },
  canary: null,
};
const noExit = { restarts: 0, exit: null, outOfMemory: false };

/** How long after its last restart a container counts as crashing, ms. */
const crashWindow = 10 * 60_000;

/** Returns the status of a service on a host at a time, with the reason if it needs attention. */
export function serviceStatus(
  facts: Facts,
  id: EnvironmentId,
  service: StatusSubject,
  host: string,
  now: Date,
): ServiceStatus {
  const known = facts.hosts[host];
  if (known === undefined)
    return { ...noRelease, ...noExit, state: 'unreachable', why: 'cannot reach the host' };
  const { name } = service;
  const log = releaseLog(facts, name);
  const active = current(log);
  const all = serving(known, id, name);
  const canaryRelease = canaryOf(facts, name);
  const canary = all.find((container) => releaseOf(container) === canaryRelease?.number);
  const up = all.filter((container) => container !== canary);
  const wanted = up.find((container) => releaseNumber(container) === active?.release.number) ?? up[0];
  const status =
    wanted === undefined
      ? stoppedStatus(known, id, name, active)
      : runningStatus(wanted, up, log, active, service, {
          leftOut: leftOutReason(wanted, known.log[name] ?? [], active),
          now,
        });
  if (canary === undefined || canaryRelease === undefined) return status;
  const canaryProblem = problemOf(canary, canaryRelease.number, canaryRelease, { now });
  const why = status.why ?? (canaryProblem === null ? null : `canary: ${canaryProblem}`);
  return { ...status, canary: canaryRelease.number, why };
}

const releaseNumber = (container: ContainerFacts) => releaseOf(container) ?? 0;

/** What else a container's problem depends on. */
interface Seen {
  readonly now: Date;
  /** Why its host has another release. */
  readonly leftOut?: string | null;
}

function runningStatus(
  container: ContainerFacts,
  up: readonly ContainerFacts[],
  log: readonly Activation[],
  active: Activation | undefined,
  service: StatusSubject,
  seen: Seen,
): ServiceStatus {
  const release = releaseNumber(container);
  const line = log.findLast((candidate) => candidate.release.number === release);
  return {
    release,
    image: container.labels[label.reference] ?? container.image,
    digest: container.image.split('@')[1] ?? null,
    state: container.state,
    health: container.health ?? null,
    since: container.started ?? null,
    who: line?.who ?? container.labels[label.who] ?? null,
    ...exitOf(container),
    canary: null,
    why: problemOf(container, release, active?.release, seen) ?? extraContainers(container, up, service),
  };
}

function exitOf({ restarts = 0, exit, outOfMemory }: ContainerFacts) {
  return { restarts, exit: exit ?? null, outOfMemory: outOfMemory === true };
}

/** Why a host, whose own log this is, runs another release than the current one: a run lost it or left it out. */
function leftOutReason(
  container: ContainerFacts,
  log: readonly Activation[],
  active: Activation | undefined,
): string | null {
  if (active === undefined) return null;
  const release = releaseNumber(container);
  const next = `the next deploy brings it to release ${active.release.number} or later`;
  if (!log.some(({ order }) => order === active.order))
    return `was left out by run ${active.run}: it runs release ${release}; ${next}`;
  if (log.some((line) => line.release.number === release)) return null;
  const run = container.labels[label.run] ?? 'unknown';
  return `runs release ${release} of run ${run}, which was never activated; ${next}`;
}

function problemOf(
  container: ContainerFacts,
  release: number,
  wanted: Release | undefined,
  { now, leftOut = null }: Seen,
): string | null {
  if (isCrashing(container, now)) return `container keeps crashing: ${crashDetails(container)}`;
  if (container.state === 'paused') return 'container is paused';
  if (container.health === 'unhealthy') return 'HEALTHCHECK is failing';
  if (container.health === 'starting') return 'HEALTHCHECK has not passed yet';
  if (wanted === undefined) return `runs release ${release}, but no release is current`;
  if (release !== wanted.number)
    return leftOut ?? `runs release ${release}, but release ${wanted.number} is current`;
  if (isProvisional(container, wanted))
    return 'container will not start after a reboot: its restart policy is no';
  return null;
}

function extraContainers(
  container: ContainerFacts,
  up: readonly ContainerFacts[],
  service: StatusSubject,
): string | null {
  if (up.length <= 1) return null;
  const names = (some: readonly ContainerFacts[]) => some.map(({ name }) => name).join(', ');
  return leavesOldRunning(service)
    ? `old containers still running: ${names(up.filter((other) => other !== container))}; run: oneclick settle`
    : `${up.length} containers are running: ${names(up)}`;
}

/** Whether the engine restarts it, or did so a short time ago. */
function isCrashing({ state, restarts = 0, started }: ContainerFacts, now: Date): boolean {
  if (state === 'restarting') return true;
  return restarts > 0 && started !== undefined && now.getTime() - Date.parse(started) < crashWindow;
}

function crashDetails(container: ContainerFacts): string {
  const { restarts = 0, exit } = container;
  const times = restarts === 0 ? [] : [count(restarts, 'restart')];
  return [...times, ...(exit === undefined && restarts > 0 ? [] : [exitReason(container)])].join(', ');
}

/** Returns how a container ended or crashed: `exited with code 1`, `crashed 2 times (exit code 1)`. */
export function crashText(container: ContainerFacts): string {
  const { restarts = 0, exit, outOfMemory } = container;
  if (restarts === 0) return exitReason(container);
  const code = exit === undefined ? [] : [`exit code ${exit}`];
  const details = [...code, ...(outOfMemory === true ? ['out of memory'] : [])].join(', ');
  return `crashed ${restarts === 1 ? 'once' : `${restarts} times`}${details === '' ? '' : ` (${details})`}`;
}

function exitReason({ exit, outOfMemory }: ContainerFacts): string {
  const code = `exited with ${exit === undefined ? 'an unknown code' : `code ${exit}`}`;
  return outOfMemory === true ? `${code}, out of memory` : code;
}

function stoppedStatus(
  host: HostFacts,
  id: EnvironmentId,
  service: string,
  active: Activation | undefined,
): ServiceStatus {
  const container = active === undefined ? undefined : containerOf(host, id, service, active.release);
  const end = container === undefined || isUp(container) ? noExit : exitOf(container);
  return { ...noRelease, ...end, state: 'stopped', why: stoppedReason(container, active) };
}

function stoppedReason(container: ContainerFacts | undefined, active: Activation | undefined): string {
  if (active === undefined) return 'not deployed yet';
  if (container === undefined) return `no container of release ${active.release.number} on this host`;
  if (container.state === 'created') return 'container was never started';
  return `container ${exitReason(container)}`;
}
