import { containerOf } from './container.js';
import type { EnvironmentId } from './environment.js';
import type { ContainerFacts, Facts, HostFacts } from './facts.js';
import { label, releaseOf } from './labels.js';
import { canaryOf, current, releaseLog } from './log.js';
import type { Activation, Release } from './release.js';
import { isProvisional, isUp, serving } from './rollout.js';
import { leavesOldRunning } from './routing.js';
import type { Service } from './service.js';

/** How a service stands on one host. What is not known, or not there, is null. */
export interface ServiceStatus {
  readonly release: number | null;
  readonly image: string | null;
  readonly digest: string | null;
  readonly state: string;
  readonly health: string | null;
  readonly since: string | null;
  /** Who made that release current, or else made its container. */
  readonly who: string | null;
  readonly restarts: number;
  /** Of the container that should run and has ended. */
  readonly exit: number | null;
  readonly outOfMemory: boolean;
  /** The release that runs beside it as a canary. */
  readonly canary: number | null;
  /** Why it is not as it should be. */
  readonly why: string | null;
}

/** As much of a service as its status depends on. */
type StatusSubject = Pick<Service, 'name' | 'swap' | 'targetGroup'>;

const noRelease = {
  ...{ release: null, image: null, digest: null, health: null, since: null, who: null },
  canary: null,
};
const noExit = { restarts: 0, exit: null, outOfMemory: false };

/** How a service stands on a host, and what is wrong with it there. */
export function serviceStatus(
  facts: Facts,
  id: EnvironmentId,
  service: StatusSubject,
  host: string,
): ServiceStatus {
  const known = facts.hosts[host];
  if (known === undefined)
    return { ...noRelease, ...noExit, state: 'unreachable', why: 'the host was not reached' };
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
      : runningStatus(wanted, up, log, active, service);
  if (canary === undefined || canaryRelease === undefined) return status;
  const canaryProblem = problemOf(canary, canaryRelease.number, canaryRelease);
  const why = status.why ?? (canaryProblem === null ? null : `of its canary: ${canaryProblem}`);
  return { ...status, canary: canaryRelease.number, why };
}

const releaseNumber = (container: ContainerFacts) => releaseOf(container) ?? 0;

function runningStatus(
  container: ContainerFacts,
  up: readonly ContainerFacts[],
  log: readonly Activation[],
  active: Activation | undefined,
  service: StatusSubject,
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
    why: problemOf(container, release, active?.release) ?? extraContainers(container, up, service),
  };
}

function exitOf({ restarts = 0, exit, outOfMemory }: ContainerFacts) {
  return { restarts, exit: exit ?? null, outOfMemory: outOfMemory === true };
}

function problemOf(container: ContainerFacts, release: number, wanted: Release | undefined): string | null {
  if (container.state === 'restarting') return `it ends again and again, ${exitReason(container)}`;
  if (container.state === 'paused') return 'it is paused';
  if (container.health === 'unhealthy') return 'its HEALTHCHECK fails';
  if (container.health === 'starting') return 'its HEALTHCHECK has not passed yet';
  if (wanted === undefined) return `release ${release} runs, and none is current`;
  if (release !== wanted.number) return `release ${release} runs, ${wanted.number} is current`;
  if (isProvisional(container, wanted)) return 'a reboot would not bring it back: its restart policy is no';
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
    ? `${names(up.filter((other) => other !== container))} still runs beside it: oneclick settle`
    : `${up.length} containers of it run: ${names(up)}`;
}

function exitReason({ exit, outOfMemory }: ContainerFacts): string {
  const code = exit === undefined ? 'with an unknown exit code' : `with exit code ${exit}`;
  return outOfMemory === true ? `${code}: it needed more memory than it may have` : code;
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
  if (active === undefined) return 'nothing of it was deployed yet';
  if (container === undefined) return `it has no container of release ${active.release.number} here`;
  if (container.state === 'created') return 'its container was never started';
  return `it has ended ${exitReason(container)}`;
}
