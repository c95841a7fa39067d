import { z } from 'zod';
import { type Clock, timeOfDay } from '../domain/clock.js';
import { atHostPort } from '../domain/container.js';
import type { ContainerFacts, Facts } from '../domain/facts.js';
import { Failure } from '../domain/failure.js';
import { given } from '../domain/given.js';
import { dockerOn } from '../domain/plain-command.js';
import { ContainerSpec } from '../domain/release.js';
import { Rollout } from '../domain/rollout.js';
import type { Service } from '../domain/service.js';
import type { Subject, TaskContext } from '../domain/task.js';
import type { Host } from '../host/host.js';
import { healthCommand } from './explain-health.js';
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
 * Resolves once the container is healthy: HTTP 2xx or 3xx, HEALTHCHECK, an open port, or some time without a crash.
 * Throws an `unhealthy` {@link Failure} if the container exits or its deadline passes.
 */
export async function waitUntilHealthy(
  host: Host,
  container: string,
  spec: ContainerSpec,
  context: HealthContext,
): Promise<void> {
  const { clock, signal, progress } = context;
  const { health } = spec;
  const started = clock.monotonic();
  const timeout = timeOfDay(new Date(clock.now().getTime() + health.deadline));
  for (let tries = 0; ; tries++) {
    const probeTimeout = Math.min(health.timeout, firstProbeTimeout * 2 ** Math.min(tries, 10));
    const attempt = { elapsed: clock.monotonic() - started, timeout: probeTimeout };
    const state = await checkHealth(host, container, spec, attempt, signal).catch(messageIfPassing);
    if (state === 'healthy') return;
    if (clock.monotonic() - started >= health.deadline) {
      const message = `not healthy within ${health.deadline / 1000} s: ${state}`;
      throw await unhealthy(host, container, message, [state], { hint: hintOf(state, spec) });
    }
    progress(`${healthCheckName(spec)}: ${state} (timeout ${timeout})`);
    await clock.sleep(Math.min(firstIntervals[tries] ?? health.interval, health.interval), signal);
  }
}

function hintOf(state: string, { health }: ContainerSpec): string | undefined {
  if (!state.startsWith('HTTP 404')) return undefined;
  return `if ${health.path} is the wrong path, set another in oneclick.yml, such as health: { path: / }`;
}

/** An engine that is restarting responds again later. */
function messageIfPassing(error: unknown): string {
  if (error instanceof Failure && error.transient) return error.message;
  throw error;
}

function healthCheckName({ health, port }: ContainerSpec): string {
  if (health.path !== undefined) return `GET ${health.path}`;
  return port === undefined ? 'the container to stay up' : `port ${port.container}`;
}

/** One check of the container. Times in ms. */
interface Attempt {
  readonly elapsed: number;
  /** Short at first: the bridge drops packets until it has learnt a new container's address. */
  readonly timeout: number;
}

/** Returns `healthy`, or the reason why not. */
async function checkHealth(
  host: Host,
  name: string,
  spec: ContainerSpec,
  attempt: Attempt,
  signal: AbortSignal,
): Promise<string> {
  const { health, port } = spec;
  if (health.path !== undefined && port !== undefined) {
    // Both at once: the answer may come from another process on this port.
    const [answer] = await Promise.all([probeHttp(host, spec, attempt, signal), requireRunning(host, name)]);
    return answer;
  }
  const container = await requireRunning(host, name);
  if (container.health !== undefined) {
    return container.health === 'healthy' ? 'healthy' : `HEALTHCHECK reports ${container.health}`;
  }
  if (port !== undefined) return probePort(host, container, spec, attempt, signal);
  return attempt.elapsed >= health.settle ? 'healthy' : `up for ${Math.round(attempt.elapsed / 1000)} s`;
}

async function probeHttp(
  host: Host,
  { health, port }: ContainerSpec,
  { timeout }: Attempt,
  signal: AbortSignal,
): Promise<string> {
  if (port === undefined || health.path === undefined) return 'healthy';
  try {
    const answer = await host.probe(
      { port: port.host, path: health.path, timeout, ...addressOf(port.address) },
      signal,
    );
    if (answer.status >= 200 && answer.status < 400) return 'healthy';
    return `HTTP ${answer.status} ${answer.body.slice(0, 80).split('\n')[0] ?? ''}`.trim();
  } catch (error) {
    if (error instanceof Failure && error.kind === 'unhealthy') return error.message;
    throw error;
  }
}

/** Prefers the container's own address: the engine's proxy accepts connections too early. */
async function probePort(
  host: Host,
  container: ContainerFacts,
  { port }: ContainerSpec,
  { timeout }: Attempt,
  signal: AbortSignal,
): Promise<string> {
  if (port === undefined) return 'healthy';
  const own =
    container.address === undefined ? undefined : { port: port.container, address: container.address };
  const place = own ?? { port: port.host, ...addressOf(port.address) };
  try {
    await host.reach(place.port, { ...place, timeout }, signal);
    return 'healthy';
  } catch (error) {
    if (error instanceof Failure && error.kind === 'unhealthy') return error.message;
    throw error;
  }
}

function addressOf(address: string | undefined): { address?: string } {
  return address === undefined || address === '0.0.0.0' ? {} : { address };
}

async function requireRunning(host: Host, name: string): Promise<ContainerFacts> {
  const container = await host.engine.container(name);
  if (container === undefined) throw await unhealthy(host, name, 'the container is gone', []);
  if (container.state === 'running') return container;
  const { exit, outOfMemory = false } = container;
  const hint = outOfMemory ? 'raise its memory limit in oneclick.yml, such as memory: 512m' : undefined;
  const message = `the container exited${exit === undefined ? '' : ` with code ${exit}`}${outOfMemory ? ' (out of memory)' : ''}`;
  const evidence = exit === undefined ? [] : [`exit code ${exit}`];
  throw await unhealthy(host, name, message, evidence, { code: 'health.ended', hint });
}

async function unhealthy(
  host: Host,
  name: string,
  message: string,
  seen: readonly string[],
  { code = 'health.failed', hint }: { code?: string; hint?: string | undefined } = {},
): Promise<Failure> {
  const lines = await host.engine.logs(name, 5).catch(() => []);
  return new Failure('unhealthy', code, message, {
    host: host.name,
    ...given({ hint }),
    evidence: [...seen, ...lines.map((line) => `log: ${line}`)],
  });
}

const HealthIntent = z.strictObject({
  container: z.string(),
  spec: ContainerSpec,
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
        ...(input.stopped?.at === undefined ? {} : { stoppedAt: input.stopped.at }),
        ...idleTimeoutOf(facts, service, subject),
        ...given({ names }),
      },
      expect: {},
      predict: (later) => later,
    };
  },
  explain({ container, spec, names }, subject) {
    const host = hostName(subject);
    return [
      healthCommand(host, container, spec),
      ...giveNameCommands(container, names, subject),
      dockerOn(host, 'enable automatic restart', 'update', '--restart', spec.restart, container),
    ];
  },
  async apply(context, { container, spec, stoppedAt, idle, names }) {
    const host = context.ports.host(hostName(context.subject));
    await waitUntilHealthy(host, container, spec, context);
    const gap = stoppedAt === undefined ? undefined : Math.max(0, context.clock.now().getTime() - stoppedAt);
    await host.engine.setRestart(container, spec.restart);
    if (names !== undefined) await giveName(host.engine, container, names, serviceOf(context.subject).name);
    if (idle !== undefined) await warnAboutKeepAlive(host, spec, idle, context);
    return given({ gap });
  },
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
  { health: { path, timeout }, port }: ContainerSpec,
  idle: number,
  { subject, signal, warn }: TaskContext<Ports>,
): Promise<void> {
  if (path === undefined || port === undefined) return;
  const probe = { port: port.host, path, timeout, ...addressOf(port.address) };
  const { keepAlive } = await host.probe(probe, signal).catch(() => ({ keepAlive: undefined }));
  if (keepAlive === undefined || keepAlive > idle) return;
  warn(
    `${subject.service?.name} closes idle connections after ${keepAlive / 1000} s, its load balancer after ${idle / 1000} s: ` +
      `requests in between can fail with 502; set the application's keep-alive above ${idle / 1000} s`,
  );
}
