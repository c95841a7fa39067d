import {
  bootstrapNeed,
  commandText,
  runCommands,
  waitForEngine,
} from '../../../../app/bootstrap/bootstrap.js';
import { BootstrapConnections, type HostNeed } from '../../../../app/bootstrap/connections.js';
import { type HostJob, waitForCloudInit } from '../../../../app/bootstrap/wait.js';
import { requireKnown } from '../../../../app/choose-services.js';
import type { Context } from '../../../../app/context.js';
import { openSession } from '../../../../app/session.js';
import type { HostAddress } from '../../../../domain/environment.js';
import { exitCode, Failure } from '../../../../domain/failure.js';
import { count } from '../../../../domain/measure.js';
import { confirm } from '../../../../report/prompter.js';
import type { Page } from '../../../../report/style.js';
import { table } from '../../../../report/table.js';
import { type CommandOutput, withOutput } from '../../../command-output.js';
import { interruptible } from '../../../interrupts.js';
import type { BootstrapFlags } from './command.js';

/** Prints the commands for each host and asks before it runs them. */
export function run(context: Context, names: readonly string[], flags: BootstrapFlags): Promise<number> {
  return withOutput(context, flags, async (out) => {
    const { environment } = await openSession(context, out.reporter, flags);
    const addresses = chosenHosts(environment.hosts, names);
    const connections = new BootstrapConnections(context, addresses);
    const work = (signal: AbortSignal) =>
      bootstrapHosts({ context, out, flags, connections, signal }, environment.name);
    return interruptible(context.clock, work).finally(() => connections.close());
  });
}

/** The named hosts, or all. Throws a usage Failure that names the known hosts. */
function chosenHosts(all: readonly HostAddress[], names: readonly string[]): readonly HostAddress[] {
  for (const name of names)
    requireKnown(
      'host',
      name,
      all.map((host) => host.name),
    );
  return names.length === 0 ? all : all.filter(({ name }) => names.includes(name));
}

interface Job {
  readonly context: Context;
  readonly out: CommandOutput;
  readonly flags: BootstrapFlags;
  readonly connections: BootstrapConnections;
  readonly signal: AbortSignal;
}

/** The result for one host. */
interface Outcome {
  readonly host: string;
  readonly state: 'ready' | 'planned' | 'bootstrapped' | 'failed';
  /** The version of Docker, if it is running. */
  readonly docker: string | null;
  /** What a planned bootstrap waits for before it runs commands. */
  readonly waits: readonly string[];
  /** The commands that were run as root, or would be. */
  readonly lines: readonly string[];
  readonly problem: string | null;
  readonly hint: string | null;
}

async function bootstrapHosts(job: Job, environment: string): Promise<number> {
  const { out, flags, connections } = job;
  const done = out.reporter.busy(`checking ${count(connections.addresses.length, 'host')}`);
  const report = (host: string, text: string) => out.reporter.note(`${host}: ${text}`);
  const needs = await connections.needs(job.signal, flags.dryRun ? undefined : report).finally(done);
  const todo = needs.filter(({ found }) => !(found instanceof Failure) && 'commands' in found);
  if (todo.length > 0 && !flags.dryRun && !(await confirmCommands(job, todo))) {
    out.reporter.note('nothing was changed');
    return 1;
  }
  const working = flags.dryRun ? () => undefined : out.reporter.busy('installing Docker');
  const outcomes = await Promise.all(needs.map((need) => install(job, need))).finally(working);
  const hosts = outcomes.map(({ outcome }) => outcome);
  out.reporter.result({ environment, hosts }, (document, page) => hostTable(document.hosts, page));
  return exitCode(outcomes.flatMap(({ failure }) => failure?.kind ?? []));
}

/** Prints the commands and asks, unless `--yes` is given. */
async function confirmCommands({ out, flags }: Job, todo: readonly HostNeed[]): Promise<boolean> {
  for (const { host, found } of todo)
    if (!(found instanceof Failure) && 'commands' in found)
      for (const line of [...found.waits, ...found.commands.map(commandText)])
        out.reporter.note(`${host}: ${line}`);
  if (flags.yes) return true;
  return confirm(`Run these commands as root on ${todo.map(({ host }) => host).join(', ')}?`, out.ask);
}

/** Installs Docker on one host, then checks it over a new connection. */
async function install(
  { context, out, flags, connections, signal }: Job,
  { host, found }: HostNeed,
): Promise<{ readonly outcome: Outcome; readonly failure?: Failure }> {
  const base = { host, docker: null, waits: [], lines: [], problem: null, hint: null };
  const ready = (docker: string) => ({ outcome: { ...base, state: 'ready' as const, docker } });
  if (!(found instanceof Failure) && 'version' in found) return ready(found.version);
  const lines = found instanceof Failure ? [] : found.commands.map(commandText);
  try {
    if (found instanceof Failure) throw found;
    if (flags.dryRun) return { outcome: { ...base, state: 'planned', waits: found.waits, lines } };
    const report = (text: string) => out.reporter.note(`${host}: ${text}`);
    const job: HostJob = { host: connections.host(host), clock: context.clock, report, signal };
    const hasWaited = await waitForCloudInit(job, found.machine);
    // cloud-init may have installed Docker.
    const need = hasWaited ? await bootstrapNeed(job.host, signal) : found;
    if ('version' in need) return ready(need.version);
    const startFailure = await runCommands(job, need);
    const docker = await waitForEngine(
      await connections.reconnect(host),
      context.clock,
      signal,
      startFailure,
    );
    return { outcome: { ...base, state: 'bootstrapped', docker, lines } };
  } catch (failure) {
    if (!(failure instanceof Failure) || signal.aborted) throw failure;
    const problem = [failure.message, ...failure.evidence].join('\n');
    return { outcome: { ...base, state: 'failed', lines, problem, hint: failure.hint ?? null }, failure };
  }
}

function hostTable(hosts: readonly Outcome[], page: Page): string {
  const details = ({ state, docker, waits, lines, problem, hint }: Outcome) =>
    ({
      ready: `nothing to do: Docker ${docker} is running`,
      planned: [...waits, ...lines].join('\n'),
      bootstrapped: `Docker ${docker} is running`,
      failed: [problem ?? '', ...(hint === null ? [] : [`→ ${hint}`])].join('\n'),
    })[state];
  return table(
    hosts,
    [
      { title: 'HOST', value: ({ host }) => host },
      { title: 'STATE', value: ({ state }) => state },
      { title: 'DETAILS', value: details, narrow: 'wrap' },
    ],
    page,
  );
}
