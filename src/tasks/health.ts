import { z } from 'zod';
import { type Clock, timeOfDay } from '../domain/clock.js';
import { atHostPort, networkName } from '../domain/container.js';
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
import { hostName, type Ports, placeOf, task } from './task.js';

/** What a wait for health is given beside the container. */
export interface HealthContext {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  progress(text: string): void;
}

/** How long the first probe may take, in ms; each after it has twice as long, up to the timeout. */
const eagerness = 100;
/** Between the first probes, in ms: a container is often ready at once; then the service's own interval. */
const eager = [20, 40, 80, 160, 300];

/**
 * Resolves when the container proves that it works: by an HTTP answer of 2xx or 3xx, by HEALTHCHECK, by its port, or by
 * having run for a while. Throws a Failure of kind `unhealthy` when it ends or when its deadline passes.
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
  const until = timeOfDay(new Date(clock.now().getTime() + health.deadline));
  for (let tries = 0; ; tries++) {
    const probeTimeout = Math.min(health.timeout, eagerness * 2 ** Math.min(tries, 10));
    const turn = { elapsed: clock.monotonic() - started, timeout: probeTimeout };
    const seen = await look(host, container, spec, turn, signal).catch(notYet);
    if (seen === 'healthy') return;
    if (clock.monotonic() - started >= health.deadline) {
      const message = `not healthy within ${health.deadline / 1000} s: ${seen}`;
      throw await unhealthy(host, container, message, [seen], { hint: hintOf(seen, spec) });
    }
    progress(`waits for ${subject(spec)} until ${until}: ${seen}`);
    await clock.sleep(Math.min(eager[tries] ?? health.interval, health.interval), signal);
  }
}

function hintOf(seen: string, { health }: ContainerSpec): string | undefined {
  if (!seen.startsWith('HTTP 404')) return undefined;
  return `if ${health.path} is not where it tells its health, say where, in oneclick.yml: health: { path: / }`;
}

/** An engine that restarts may say more when it is back. */
function notYet(error: unknown): string {
  if (error instanceof Failure && error.transient) return error.message;
  throw error;
}

function subject({ health, port }: ContainerSpec): string {
  if (health.path !== undefined) return `GET ${health.path}`;
  return port === undefined ? 'it to stay up' : `port ${port.container}`;
}

/** How long the container has had, and how long one probe may take, in ms. */
interface Turn {
  readonly elapsed: number;
  /**
   * Short at first: a packet to a container whose address the bridge has not learnt yet is lost, and only a new one finds the way.
   */
  readonly timeout: number;
}

/** `healthy`, or why not yet. */
async function look(
  host: Host,
  name: string,
  spec: ContainerSpec,
  turn: Turn,
  signal: AbortSignal,
): Promise<string> {
  const { health, port } = spec;
  if (health.path !== undefined && port !== undefined) {
    // At once: whether it runs is known when the answer comes, and an answer of somebody else on this port is not taken for its own.
    const [answer] = await Promise.all([ask(host, spec, turn, signal), running(host, name)]);
    return answer;
  }
  const container = await running(host, name);
  if (container.health !== undefined) {
    return container.health === 'healthy' ? 'healthy' : `HEALTHCHECK says ${container.health}`;
  }
  if (port !== undefined) return connects(host, container, spec, turn, signal);
  return turn.elapsed >= health.settle ? 'healthy' : `up for ${Math.round(turn.elapsed / 1000)} s`;
}

async function ask(
  host: Host,
  { health, port }: ContainerSpec,
  { timeout }: Turn,
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

/** The container's own address is asked where it is known: the engine's proxy accepts before the container does. */
async function connects(
  host: Host,
  container: ContainerFacts,
  { port }: ContainerSpec,
  { timeout }: Turn,
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

async function running(host: Host, name: string): Promise<ContainerFacts> {
  const container = await host.engine.container(name);
  if (container === undefined) throw await unhealthy(host, name, 'its container is gone', []);
  if (container.state === 'running') return container;
  const code = container.exit === undefined ? '' : ` with exit code ${container.exit}`;
  const why = container.outOfMemory === true ? ', killed because it ran out of memory' : '';
  const hint = why === '' ? undefined : 'give it more memory, in oneclick.yml or on the host: memory: 512m';
  const seen = code === '' ? [] : [`exit code ${container.exit}`];
  throw await unhealthy(host, name, `the container ended${code}${why}`, seen, { code: 'health.ended', hint });
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
  /** How long the load balancer keeps a connection on which nothing happens, ms. */
  idle: z.number().optional(),
});

/** Waits until the new container is healthy, then gives it the configured restart policy. */
export const healthWait = task({
  name: 'health.wait',
  version: 1,
  scope: 'instance',
  needs: ['hosts'],
  summary: 'Waits until the new container proves that it works; then it may outlive a reboot.',
  provides: 'healthy',
  input: z.strictObject({
    container: z.string(),
    port: z.int().optional(),
    rollout: Rollout,
    fresh: z.boolean(),
    stopped: z.strictObject({ at: z.number().optional() }).optional(),
  }),
  intent: HealthIntent,
  receipt: z.strictObject({
    /** How long nothing answered on this instance, in ms. */
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
    `wait until ${service?.name} release ${rollout.release.number} is healthy`,
  check(facts, input, subject) {
    if (!input.fresh) return { kind: 'done', because: 'it runs already', receipt: {} };
    const { service, host } = placeOf(facts, subject);
    return {
      kind: 'todo',
      changes: [{ host: host.host, text: `wait until ${input.container} is healthy` }],
      intent: {
        container: input.container,
        spec: atHostPort(input.rollout.release.spec, input.port),
        ...(input.stopped?.at === undefined ? {} : { stoppedAt: input.stopped.at }),
        ...idleOf(facts, service, subject),
      },
      expect: {},
      predict: (later) => later,
    };
  },
  explain({ container, spec }, subject) {
    const host = hostName(subject);
    return [
      healthCommand(host, container, spec, networkName(subject.run)),
      dockerOn(host, 'from now on it may outlive a reboot', 'update', '--restart', spec.restart, container),
    ];
  },
  async apply(context, { container, spec, stoppedAt, idle }) {
    const host = context.ports.host(hostName(context.subject));
    await waitUntilHealthy(host, container, spec, context);
    const gap = stoppedAt === undefined ? undefined : Math.max(0, context.clock.now().getTime() - stoppedAt);
    await host.engine.setRestart(container, spec.restart);
    if (idle !== undefined) await warnOfKeepAlive(host, spec, idle, context);
    return gap === undefined ? {} : { gap };
  },
  undo: 'nothing',
});

/** The shortest time that a load balancer of the service keeps an idle connection; the first instance answers for all. */
function idleOf(
  { groups = {} }: Facts,
  { targetGroup = '', instances }: Service,
  { instance }: Subject,
): { idle?: number } {
  if (instance?.id !== instances[0]?.id) return {};
  const times = groups[targetGroup]?.group.balancers.flatMap(({ idleTimeout }) => idleTimeout ?? []) ?? [];
  return times.length === 0 ? {} : { idle: Math.min(...times) };
}

/**
 * A load balancer that sends a request on a connection which the application is closing answers with 502.
 * https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-troubleshooting.html#http-502-issues
 */
async function warnOfKeepAlive(
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
      `requests in between get a 502; let the application keep them for longer than ${idle / 1000} s`,
  );
}
