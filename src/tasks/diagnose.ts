import { withTimeout } from '../domain/abort.js';
import type { Clock } from '../domain/clock.js';
import type { ContainerFacts } from '../domain/facts.js';
import { type Listener, listenerText, parseListeners } from '../domain/listeners.js';
import { describeProgram } from '../domain/program-file.js';
import type { ContainerSpec } from '../domain/release.js';
import type { Host, ProcessFacts } from '../host/host.js';
import { type HealthProblem, serviceName } from './probe.js';

/** The cause of a failed check, as far as the host can tell it. */
export interface Diagnosis {
  /** A sentence for the failure's message. */
  readonly cause?: string;
  readonly hint?: string;
  readonly evidence?: readonly string[];
}

/** A diagnosis must not delay the failure. ms */
const limit = 3000;
/** Characters of a HEALTHCHECK's output that are shown. */
const outputLimit = 500;

/** Looks for the cause of a failed health check. Takes at most 3 s, and never throws: the failure itself matters more. */
async function inTime(
  host: Host,
  clock: Clock,
  look: (stop: AbortSignal) => Promise<Diagnosis>,
): Promise<Diagnosis> {
  const late = () => new Error('the diagnosis took too long');
  return withTimeout(clock, limit, [host.lost], late, look).catch(() => ({}));
}

/** Diagnoses a running container that did not become healthy. Never throws. */
export function diagnoseRunning(
  host: Host,
  container: string,
  spec: ContainerSpec,
  problem: HealthProblem,
  clock: Clock,
): Promise<Diagnosis> {
  return inTime(host, clock, async () => {
    const [facts, process] = await Promise.all([
      host.engine.container(container),
      host.engine.processOf(container),
    ]);
    if (facts === undefined || process === undefined) return {};
    const evidence = facts.health === 'healthy' ? [] : healthcheckLines(process);
    if (problem.silent !== true || process.pid === undefined) return { evidence };
    const listeners = await listenersOf(host, process.pid);
    // The process ID may belong to another process by now.
    const isSame = (await host.engine.processOf(container))?.pid === process.pid;
    if (!isSame || listeners === undefined) return { evidence };
    return { evidence, ...portDiagnosis(facts, spec, listeners) };
  });
}

function healthcheckLines({ healthcheck }: ProcessFacts): readonly string[] {
  if (healthcheck === undefined || healthcheck.exit === 0) return [];
  const output = healthcheck.output.trim().slice(-outputLimit);
  const lines = output === '' ? [] : output.split('\n').map((line) => `HEALTHCHECK: ${line}`);
  return [`HEALTHCHECK exited with code ${healthcheck.exit}`, ...lines.slice(-5)];
}

/** Reads the container's listeners from the host, which needs neither root nor a program in the image. */
async function listenersOf(host: Host, pid: number): Promise<readonly Listener[] | undefined> {
  const argv = ['cat', `/proc/${pid}/net/tcp`, `/proc/${pid}/net/tcp6`];
  // Fails without IPv6, but prints the other file.
  return parseListeners((await host.run({ argv, timeout: limit })).stdout);
}

function portDiagnosis(
  container: ContainerFacts,
  { health, port }: ContainerSpec,
  listeners: readonly Listener[],
): Diagnosis {
  const expected = health.port ?? port?.container;
  if (expected === undefined) return {};
  const name = serviceName(container);
  const onPort = listeners.filter((one) => one.port === expected);
  if (onPort.some(({ loopback }) => !loopback)) return {};
  if (listeners.length === 0)
    return {
      cause: `${name} does not listen on any port, and is expected on ${expected}`,
      hint: 'if it starts slowly, raise health: { deadline: 2m } in oneclick.yml',
    };
  const places = (onPort.length > 0 ? onPort : listeners).map(listenerText).sort().join(', ');
  if (onPort.length > 0)
    return {
      cause: `${name} listens on ${places}; it must listen on 0.0.0.0`,
      hint: `make it listen on 0.0.0.0:${expected}: 127.0.0.1 in a container accepts no connections from outside it`,
    };
  return {
    cause: `${name} listens on ${places}, not on port ${expected}`,
    hint: portHint(listeners, health.port),
  };
}

function portHint(listeners: readonly Listener[], checked: number | undefined): string {
  const open = listeners.find(({ loopback }) => !loopback);
  if (open === undefined) return 'make it listen on 0.0.0.0 and the port in oneclick.yml';
  return checked === undefined
    ? `set its port in oneclick.yml, such as port: "80:${open.port}"`
    : `set the port to check in oneclick.yml: health: { port: ${open.port} }`;
}

/** By exit code; 128 and above are signals. */
const exitCauses: Readonly<Record<number, readonly [string, string?]>> = {
  126: ['its command cannot be executed', 'make it executable in the image: RUN chmod +x FILE'],
  127: ['a command was not found', 'check `command` in oneclick.yml, and that the image has the program'],
  132: ['it used an instruction that the CPU does not have', "build the image for the host's CPU"],
  134: ['it aborted'],
  137: ['it was killed (SIGKILL)'],
  139: ['it crashed (segmentation fault)'],
  143: ['it was stopped (SIGTERM)'],
};

/** A line of the container runtime that could not execute the program; the program itself has written nothing after it. */
const notExecuted =
  /^(?:standard_init_linux\.go:\d+: )?exec (?:user process caused:? "?|\S+: )(exec format error|no such file or directory|permission denied)"?$/i;

/** Diagnoses a container that exited, from its exit code, its last log lines and its entrypoint. Never throws. */
export function diagnoseExit(
  host: Host,
  container: ContainerFacts,
  lines: readonly string[],
  clock: Clock,
): Promise<Diagnosis> {
  return inTime(host, clock, async (stop) => {
    const reason = notExecuted.exec(lines.at(-1)?.trim() ?? '')?.[1]?.toLowerCase();
    if (reason === 'exec format error' || reason === 'no such file or directory') {
      const program = await programOf(host, container.name, stop).catch(() => undefined);
      const { platform } = await host.engine.version();
      return describeProgram(program, { wrongFormat: reason === 'exec format error', platform });
    }
    const [cause, hint] = exitCauses[reason === undefined ? (container.exit ?? 0) : 126] ?? [];
    if (container.outOfMemory || cause === undefined) return {};
    return { cause, ...(hint === undefined ? {} : { hint }) };
  });
}

/** Enough for the header of an archive and the first line of a script. Bytes. */
const archiveLimit = 4096;

/** Reads the start of the program's file from the container, which need not run. */
async function programOf(host: Host, container: string, signal: AbortSignal) {
  const path = (await host.engine.processOf(container))?.program;
  if (path === undefined || !path.startsWith('/')) return undefined;
  let archive = Buffer.alloc(0);
  const consume = async (chunks: AsyncIterable<Buffer>) => {
    for await (const chunk of chunks) {
      archive = Buffer.concat([archive, chunk]);
      if (archive.length >= archiveLimit) return;
    }
  };
  await host.engine.readFiles(container, path, consume, signal);
  return { path, archive };
}
