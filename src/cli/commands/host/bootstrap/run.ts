import {
  answering,
  type BootstrapNeed,
  bootstrapNeed,
  runLines,
  written,
} from '../../../../app/bootstrap/bootstrap.js';
import { requireKnown } from '../../../../app/choose-services.js';
import type { Context } from '../../../../app/context.js';
import { openSession } from '../../../../app/session.js';
import type { HostAddress } from '../../../../domain/environment.js';
import { exitCode, Failure } from '../../../../domain/failure.js';
import { count } from '../../../../domain/measure.js';
import type { Host } from '../../../../host/host.js';
import { connectAll, type Hosts } from '../../../../host/hosts.js';
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
    const connections = new Connections(context, addresses);
    const work = (signal: AbortSignal) =>
      onHosts({ context, out, flags, connections, signal }, environment.name);
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
  readonly connections: Connections;
  readonly signal: AbortSignal;
}

/** The result for one host. */
interface Outcome {
  readonly host: string;
  readonly state: 'ready' | 'planned' | 'bootstrapped' | 'failed';
  /** The version of Docker, if it answers. */
  readonly docker: string | null;
  /** The commands that were run as root, or would be. */
  readonly lines: readonly string[];
  readonly problem: string | null;
  readonly hint: string | null;
}

async function onHosts(job: Job, environment: string): Promise<number> {
  const { out, flags, connections } = job;
  const done = out.reporter.busy(`looking at ${count(connections.addresses.length, 'host')}`);
  const needs = await connections.each(async (host) => bootstrapNeed(host, job.signal)).finally(done);
  const todo = needs.filter(({ found }) => !(found instanceof Failure) && 'lines' in found);
  if (todo.length > 0 && !flags.dryRun && !(await agreed(job, todo))) {
    out.reporter.note('nothing was changed');
    return 1;
  }
  const working = flags.dryRun ? () => undefined : out.reporter.busy('installing Docker');
  const outcomes = await Promise.all(needs.map((need) => bring(job, need))).finally(working);
  const hosts = outcomes.map(({ outcome }) => outcome);
  out.reporter.result({ environment, hosts }, (document, page) => overview(document.hosts, page));
  return exitCode(outcomes.flatMap(({ failure }) => failure?.kind ?? []));
}

/** Prints the commands and asks, unless `--yes` is given. */
async function agreed({ out, flags }: Job, todo: readonly Found[]): Promise<boolean> {
  for (const { host, found } of todo)
    if (!(found instanceof Failure) && 'lines' in found)
      for (const line of found.lines) out.reporter.note(`${host}: ${written(line)}`);
  if (flags.yes) return true;
  return confirm(`Run these commands as root on ${todo.map(({ host }) => host).join(', ')}?`, out.ask);
}

/** Installs Docker on one host, then checks it over a new connection. */
async function bring(
  { context, out, flags, connections, signal }: Job,
  { host, found }: Found,
): Promise<{ readonly outcome: Outcome; readonly failure?: Failure }> {
  const base = { host, docker: null, lines: [], problem: null, hint: null };
  if (!(found instanceof Failure) && 'version' in found)
    return { outcome: { ...base, state: 'ready', docker: found.version } };
  const lines = found instanceof Failure ? [] : found.lines.map(written);
  try {
    if (found instanceof Failure) throw found;
    if (flags.dryRun) return { outcome: { ...base, state: 'planned', lines } };
    const say = (text: string) => out.reporter.note(`${host}: running ${text}`);
    const unstarted = await runLines(connections.host(host), found, say, signal);
    const docker = await answering(await connections.again(host), context.clock, signal, unstarted);
    return { outcome: { ...base, state: 'bootstrapped', docker, lines } };
  } catch (failure) {
    if (!(failure instanceof Failure) || signal.aborted) throw failure;
    const problem = [failure.message, ...failure.evidence].join('\n');
    return { outcome: { ...base, state: 'failed', lines, problem, hint: failure.hint ?? null }, failure };
  }
}

function overview(hosts: readonly Outcome[], page: Page): string {
  const details = ({ state, docker, lines, problem, hint }: Outcome) =>
    ({
      ready: `nothing to do: Docker ${docker} answers`,
      planned: lines.join('\n'),
      bootstrapped: `Docker ${docker} answers`,
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

/** A host and its need, or the Failure of reading it. */
interface Found {
  readonly host: string;
  readonly found: BootstrapNeed | Failure;
}

/** The hosts, and how to connect to them once more. */
class Connections {
  readonly addresses: readonly HostAddress[];
  readonly #context: Context;
  readonly #open: Hosts[] = [];

  constructor(context: Context, addresses: readonly HostAddress[]) {
    this.#context = context;
    this.addresses = addresses;
  }

  /** Connects to all, and asks each; a Failure of one is what was found there. */
  async each(ask: (host: Host) => Promise<BootstrapNeed>): Promise<readonly Found[]> {
    const { connected, failures } = await this.#connect(this.addresses);
    return Promise.all(
      this.addresses.map(async ({ name }) => {
        const host = connected.get(name);
        const unreached = failures.find((failure) => failure.host === name);
        if (host === undefined) return { host: name, found: unreached ?? notConnected(name) };
        const found = await ask(host).catch((error: unknown) => {
          if (error instanceof Failure) return error;
          throw error;
        });
        return { host: name, found };
      }),
    );
  }

  /** The host, as it was connected to first. */
  host(name: string): Host {
    const host = this.#open[0]?.connected.get(name);
    if (host === undefined) throw notConnected(name);
    return host;
  }

  /** The host over a new connection: what a user may do is decided when they log in. */
  async again(name: string): Promise<Host> {
    const { connected, failures } = await this.#connect(this.addresses.filter((host) => host.name === name));
    const host = connected.get(name);
    if (host === undefined) throw failures[0] ?? notConnected(name);
    return host;
  }

  async close(): Promise<void> {
    await Promise.all(this.#open.map((hosts) => hosts.close()));
  }

  async #connect(addresses: readonly HostAddress[]): Promise<Hosts> {
    const { clock, home, user, env } = this.#context;
    const hosts = await connectAll(addresses, { clock, environment: { home, user, variables: env } });
    this.#open.push(hosts);
    return hosts;
  }
}

function notConnected(host: string): Failure {
  return new Failure('unreachable', 'host.unreachable', 'the host is not connected', { host });
}
