import { z } from 'zod';
import { type Clock, timeOfDay } from '../domain/clock.js';
import { atHostPort } from '../domain/container.js';
import type { ContainerFacts, Facts } from '../domain/facts.js';
import { Failure } from '../domain/failure.js';
import { given } from '../domain/given.js';
import type { Strictness } from '../domain/health-status.js';
import { dockerOn } from '../domain/plain-command.js';
import { ContainerSpec } from '../domain/release.js';
import { Rollout } from '../domain/rollout.js';
import type { Service } from '../domain/service.js';
import type { Subject, TaskContext } from '../domain/task.js';
import type { Host } from '../host/host.js';
import { requireNoCrash, setPolicy } from './crash.js';
import { diagnoseExit, diagnoseRunning } from './diagnose.js';
import { healthCommand } from './explain-health.js';
import { type FailedContainerLog, failedLog } from './failed-log.js';
import { checkHealth, checkName, type HealthProblem, publishedPlace, requestOf } from './probe.js';
import { giveName, giveNameCommands, namesToGive, takeName } from './service-names.js';
import { hostName, instanceOf, type Ports, serviceOf, task } from './task.js';

/** The part of a task's context that a health check needs. */
export interface HealthContext {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  progress(text: string): void;
}

/** Doubles with each probe, up to the service's timeout. ms */
const firstProbeTimeout = 100;
/** Containers are often ready at once; later probes use the service's interval. ms */
const firstIntervals = [20, 40, 80, 160, 300];

/**
 * Resolves once the container is healthy: an expected HTTP status, a command, HEALTHCHECK, an open port, or some time without a crash.
 * Throws an `unhealthy` {@link Failure} if the container exits or its deadline passes. For a known release, a redirect counts as healthy
 * unless `status` is set.
 */
export async function waitUntilHealthy(
  host: Host,
  container: string,
  spec: ContainerSpec,
  context: HealthContext,
  strictness: Strictness = 'known',
): Promise<void> {
  const { clock, signal, progress } = context;
  const { health } = spec;
  const started = clock.monotonic();
  const timeout = timeOfDay(new Date(clock.now().getTime() + health.deadline));
  for (let tries = 0; ; tries++) {
    const probeTimeout = Math.min(health.timeout, firstProbeTimeout * 2 ** Math.min(tries, 10));
    const elapsed = clock.monotonic() - started;
    const attempt = { clock, signal, strictness, elapsed, timeout: probeTimeout };
    const isRunning = () => requireRunning(host, container, clock);
    const problem = await checkHealth(host, spec, isRunning, attempt).catch(problemIfPassing);
    if (problem === undefined) return;
    if (clock.monotonic() - started >= health.deadline)
      throw await lateFailure(host, container, spec, problem, clock);
    progress(`${checkName(spec)}: ${problem.text} (timeout ${timeout})`);
    await clock.sleep(Math.min(firstIntervals[tries] ?? health.interval, health.interval), signal);
  }
}

/** Checks once whether a container that was healthy still is. Throws as {@link waitUntilHealthy} does if it has exited. */
export async function isHealthyNow(
  host: Host,
  container: string,
  spec: ContainerSpec,
  { clock, signal }: HealthContext,
): Promise<boolean> {
  const { settle: elapsed, timeout } = spec.health;
  const attempt = { ...{ clock, signal, elapsed, timeout }, strictness: 'known' as const };
  const isRunning = () => requireRunning(host, container, clock);
  return (await checkHealth(host, spec, isRunning, attempt).catch(problemIfPassing)) === undefined;
}

/** An engine that is restarting responds again later. */
function problemIfPassing(error: unknown): HealthProblem {
  if (error instanceof Failure && error.transient) return { text: error.message };
  throw error;
}

async function requireRunning(host: Host, name: string, clock: Clock): Promise<ContainerFacts> {
  const container = await host.engine.container(name);
  if (container === undefined) throw await unhealthy(host, name, 'the container is gone', {});
  if (container.state === 'running') return container;
  const { exit, outOfMemory = false } = container;
  const seen = await failedLog(host, name);
  const { cause, hint } = await diagnoseExit(host, container, seen.lines, clock);
  const memoryHint = outOfMemory ? 'raise its memory limit in oneclick.yml, such as memory: 512m' : undefined;
  const why = outOfMemory ? ' (out of memory)' : cause === undefined ? '' : `: ${cause}`;
  const message = `the container exited${exit === undefined ? '' : ` with code ${exit}`}${why}`;
  throw await unhealthy(host, name, message, {
    ...{ code: 'health.ended', hint: memoryHint ?? hint, seen },
    evidence: exit === undefined ? [] : [`exit code ${exit}`],
  });
}

async function lateFailure(
  host: Host,
  name: string,
  spec: ContainerSpec,
  problem: HealthProblem,
  clock: Clock,
): Promise<Failure> {
  const { cause, hint, evidence = [] } = await diagnoseRunning(host, name, spec, problem, clock);
  const message = `not healthy within ${spec.health.deadline / 1000} s: ${cause ?? problem.text}`;
  return unhealthy(host, name, message, {
    hint: hint ?? problem.hint,
    evidence: [problem.text, ...evidence],
  });
}

async function unhealthy(
  host: Host,
  name: string,
  message: string,
  {
    code = 'health.failed',
    hint,
    evidence = [],
    seen,
  }: {
    readonly code?: string;
    readonly hint?: string | undefined;
    readonly evidence?: readonly string[];
    /** Its log, if it was read. */
    readonly seen?: FailedContainerLog;
  },
): Promise<Failure> {
  const { evidence: shown, log, hint: logHint } = seen ?? (await failedLog(host, name));
  return new Failure('unhealthy', code, message, {
    ...{ host: host.name, evidence: [...evidence, ...shown] },
    ...given({ hint: hint ?? logHint, log }),
  });
}

const HealthIntent = z.strictObject({
  container: z.string(),
  spec: ContainerSpec,
  /** Set for a release that passed its check before. */
  known: z.literal(true).optional(),
  stoppedAt: z.number().optional(),
  /** The idle timeout of the load balancer. ms */
  idle: z.number().optional(),
  /** The network on which it gets the name of its service. */
  names: z.string().optional(),
});

/** Waits until the new container is healthy, then sets the configured restart policy. */
export const healthWait = task({
  name: 'health.wait',
  version: 1,
  scope: 'instance',
  needs: ['hosts'],
  summary:
    'Waits for the new container to become healthy, then sets its restart policy and gives it its name.',
  provides: 'healthy',
  input: z.strictObject({
    container: z.string(),
    port: z.int().optional(),
    rollout: Rollout,
    fresh: z.boolean(),
    stopped: z.strictObject({ at: z.number().optional() }).optional(),
    /** Whether it stays without the name of its service, because the current release has it. */
    canary: z.boolean().default(false),
  }),
  intent: HealthIntent,
  receipt: z.strictObject({
    /** How long nothing answered on this instance. ms */
    gap: z.number().optional(),
  }),
  defaults: {
    container: '{{ container.name }}',
    port: '{{ container.port }}',
    rollout: '{{ rollout }}',
    fresh: '{{ started.fresh }}',
    stopped: '{{ stopped }}',
  },
  title: ({ rollout }, { service }) =>
    `wait for ${service?.name} release ${rollout.release.number} to become healthy`,
  check(facts, input, subject) {
    const { service, host } = instanceOf(facts, subject);
    const names = input.canary ? undefined : namesToGive(host, input, subject);
    if (!input.fresh && names === undefined) return { kind: 'done', because: 'already running', receipt: {} };
    return {
      kind: 'todo',
      changes: [{ host: host.host, text: `wait for ${input.container} to become healthy` }],
      intent: {
        container: input.container,
        spec: atHostPort(input.rollout.release.spec, input.port),
        ...(input.rollout.kind === 'deploy' ? {} : { known: true as const }),
        ...(input.stopped?.at === undefined ? {} : { stoppedAt: input.stopped.at }),
        ...idleTimeoutOf(facts, service, subject),
        ...given({ names }),
      },
      expect: {},
      predict: (later) => later,
    };
  },
  explain({ container, spec, known, names }, subject) {
    const host = hostName(subject);
    return [
      healthCommand(host, container, spec, known ? 'known' : 'new'),
      ...giveNameCommands(container, names, subject),
      dockerOn(host, 'enable automatic restart', 'update', '--restart', spec.restart, container),
    ];
  },
  async apply(context, { container, spec, known, stoppedAt, idle, names }) {
    const host = context.ports.host(hostName(context.subject));
    await waitUntilHealthy(host, container, spec, context, known ? 'known' : 'new');
    const gap = stoppedAt === undefined ? undefined : Math.max(0, context.clock.now().getTime() - stoppedAt);
    // At once, to save a round trip; health.confirm looks again after the change.
    await Promise.all([setPolicy(host, container, spec.restart, context), requireNoCrash(host, container)]);
    if (names !== undefined) await giveName(host.engine, container, names, serviceOf(context.subject).name);
    if (idle !== undefined) await warnAboutKeepAlive(host, spec, idle, context);
    return given({ gap });
  },
  undoes: ({ names }) => names !== undefined,
  async undo({ ports, subject }, { container, names }) {
    if (names !== undefined) await takeName(ports.host(hostName(subject)).engine, container, names);
  },
});

/** The shortest idle timeout of the service's load balancers; only for the first instance, to warn once. ms */
function idleTimeoutOf(
  { groups = {} }: Facts,
  { targetGroup = '', instances }: Service,
  { instance }: Subject,
): { idle?: number } {
  if (instance?.id !== instances[0]?.id) return {};
  const times = groups[targetGroup]?.group.balancers.flatMap(({ idleTimeout }) => idleTimeout ?? []) ?? [];
  return times.length === 0 ? {} : { idle: Math.min(...times) };
}

/**
 * A request on a connection that the application is closing fails with 502.
 * https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-troubleshooting.html#http-502-issues
 */
async function warnAboutKeepAlive(
  host: Host,
  spec: ContainerSpec,
  idle: number,
  { subject, signal, warn }: TaskContext<Ports>,
): Promise<void> {
  const { health } = spec;
  const place = publishedPlace(spec);
  if (health.path === undefined || place === undefined) return;
  const probe = { ...requestOf(health), ...place, timeout: health.timeout };
  const { keepAlive } = await host.probe(probe, signal).catch(() => ({ keepAlive: undefined }));
  if (keepAlive === undefined || keepAlive > idle) return;
  warn(
    `${subject.service?.name} closes idle connections after ${keepAlive / 1000} s, its load balancer after ${idle / 1000} s: ` +
      `requests in between can fail with 502; set the application's keep-alive above ${idle / 1000} s`,
  );
}
