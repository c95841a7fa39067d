import { withTimeout } from '../domain/abort.js';
import type { Clock } from '../domain/clock.js';
import type { ContainerFacts } from '../domain/facts.js';
import { Failure } from '../domain/failure.js';
import { given } from '../domain/given.js';
import { expectedStatus, includesStatus, type Strictness } from '../domain/health-status.js';
import { label } from '../domain/labels.js';
import type { ContainerSpec } from '../domain/release.js';
import type { Health } from '../domain/service.js';
import type { Host, Probe, Process } from '../host/host.js';
import { hintFor, responseText } from './probe-hints.js';

/** One check of the container. */
export interface Attempt {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Since the first check. ms */
  readonly elapsed: number;
  /** Short at first: the bridge drops packets until it has learnt a new container's address. ms */
  readonly timeout: number;
  readonly strictness: Strictness;
}

/** A reason for a container not to be healthy. */
export interface HealthProblem {
  readonly text: string;
  readonly hint?: string;
  /** Whether nothing answered on its port. */
  readonly silent?: boolean;
}

/** The place of a health check, by the host's or the container's own address. */
type Place = Pick<Probe, 'port' | 'address'>;

/** Returns undefined if the container is healthy. Rejects with the failure of `requireRunning` if it does not run. */
export async function checkHealth(
  host: Host,
  spec: ContainerSpec,
  requireRunning: () => Promise<ContainerFacts>,
  attempt: Attempt,
): Promise<HealthProblem | undefined> {
  const { health } = spec;
  const published = publishedPlace(spec);
  if (health.path !== undefined && published !== undefined) {
    // Both at once: the answer may come from another process on this port.
    const [problem] = await Promise.all([probeHttp(host, spec, published, attempt), requireRunning()]);
    return problem;
  }
  const container = await requireRunning();
  if (health.command !== undefined) return runCommand(host, container, health, attempt, requireRunning);
  const place = ownPlace(spec, container) ?? published;
  if (health.path !== undefined && place !== undefined) return probeHttp(host, spec, place, attempt);
  if (health.port !== undefined) return place === undefined ? noAddress : reachPort(host, place, attempt);
  if (container.health !== undefined) {
    return container.health === 'healthy' ? undefined : { text: `HEALTHCHECK reports ${container.health}` };
  }
  if (place !== undefined) return reachPort(host, place, attempt);
  return attempt.elapsed >= health.settle
    ? undefined
    : { text: `up for ${Math.round(attempt.elapsed / 1000)} s` };
}

const noAddress: HealthProblem = { text: 'the container has no address on the host' };

/** Returns the published port, or undefined if the check uses another one. */
export function publishedPlace({ port, health }: ContainerSpec): Place | undefined {
  if (port === undefined || (health.port ?? port.container) !== port.container) return undefined;
  return { port: port.host, ...given({ address: port.address === '0.0.0.0' ? undefined : port.address }) };
}

/** The container's own address: the engine's proxy accepts connections too early, and only for published ports. */
function ownPlace({ port, health }: ContainerSpec, { address }: ContainerFacts): Place | undefined {
  const inside = health.port ?? port?.container;
  return inside === undefined || address === undefined ? undefined : { port: inside, address };
}

/** Returns the request of a health check, without its place. */
export function requestOf({ path = '/', host, headers, scheme }: Health): Omit<Probe, 'port' | 'timeout'> {
  return { path, ...given({ host, headers, scheme }) };
}

async function probeHttp(
  host: Host,
  { health }: ContainerSpec,
  place: Place,
  { timeout, signal, strictness }: Attempt,
): Promise<HealthProblem | undefined> {
  try {
    const request = { ...requestOf(health), ...place, timeout };
    const answer = await host.probe(request, signal);
    if (includesStatus(expectedStatus(health, strictness), answer.status)) return undefined;
    return { text: responseText(answer), ...given({ hint: hintFor(answer, health, place.port) }) };
  } catch (error) {
    return silence(error);
  }
}

async function reachPort(
  host: Host,
  place: Place,
  { timeout, signal }: Attempt,
): Promise<HealthProblem | undefined> {
  try {
    await host.reach(place.port, { ...place, timeout }, signal);
    return undefined;
  } catch (error) {
    return silence(error);
  }
}

function silence(error: unknown): HealthProblem {
  if (error instanceof Failure && error.kind === 'unhealthy') return { text: error.message, silent: true };
  throw error;
}

/** Runs the command for the whole timeout of the service: one that was given up may still run. */
async function runCommand(
  host: Host,
  { name }: ContainerFacts,
  { command = [], timeout }: Health,
  { clock, signal }: Attempt,
  requireRunning: () => Promise<ContainerFacts>,
): Promise<HealthProblem | undefined> {
  const [program] = command;
  const late = () =>
    new Failure('unhealthy', 'health.command', `${program} did not exit within ${timeout} ms`);
  let process: Process | undefined;
  try {
    return await withTimeout(clock, timeout, [host.lost, signal], late, async () => {
      process = await host.engine.exec(name, command, { input: false });
      const output = await lastLine(process);
      const code = await process.exit();
      if (code === 0) return undefined;
      return { text: `${program} exited with code ${code}${output === '' ? '' : `: ${output}`}` };
    });
  } catch (error) {
    process?.close();
    if (!(error instanceof Failure)) throw error;
    if (error.kind === 'unhealthy') return { text: error.message };
    // The engine refuses to run a command in a container that has exited.
    if (error.kind === 'failed') await requireRunning();
    throw error;
  }
}

/** Characters of a command's output that are kept. */
const outputLimit = 1000;

async function lastLine({ output }: Process): Promise<string> {
  let text = '';
  for await (const { data } of output) text = (text + data.toString()).slice(-outputLimit);
  const lines = text.replace(/[^\P{Cc}\n]/gu, '').split('\n');
  return lines.findLast((line) => line.trim() !== '')?.trim() ?? '';
}

/** The name of the container's service. */
export const serviceName = ({ labels, name }: ContainerFacts): string => labels[label.service] ?? name;

/** Names the check for progress lines, such as `GET /up`. */
export function checkName({ health, port }: ContainerSpec): string {
  if (health.command !== undefined) return health.command.join(' ');
  if (health.path !== undefined) return `GET ${health.path}`;
  const checked = health.port ?? port?.container;
  return checked === undefined ? 'the container to stay up' : `port ${checked}`;
}
