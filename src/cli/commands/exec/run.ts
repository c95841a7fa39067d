import { spawnSync } from 'node:child_process';
import { requireKnown } from '../../../app/choose-services.js';
import { type ConnectedEnvironment, withEnvironment } from '../../../app/connect.js';
import type { Context } from '../../../app/context.js';
import { tellingWhyEnded } from '../../../app/ended-container.js';
import {
  oneService,
  runningContainer,
  type ServiceInstance,
  serviceInstances,
} from '../../../app/instances.js';
import { inOneOffContainer, releaseAt } from '../../../app/one-off-container.js';
import { newRun, openSession, type Session } from '../../../app/session.js';
import type { Facts } from '../../../domain/facts.js';
import { exitCode, Failure } from '../../../domain/failure.js';
import type { StdioOptions } from '../../../host/host.js';
import { schema } from '../../../report/json.js';
import { lineLabeler } from '../../../report/log-text.js';
import { loadStyle, plainStyle } from '../../../report/style.js';
import { table } from '../../../report/table.js';
import { type CommandOutput, withOutput } from '../../command-output.js';
import { interruptible } from '../../interrupts.js';
import { attachTerminal } from './attach-terminal.js';
import type { ExecFlags } from './command.js';
import { type LocalTerminal, processTerminal } from './local-terminal.js';
import { relayLines } from './relay-lines.js';

/** Resolves to the exit code of the command. */
export function run(context: Context, names: readonly string[], flags: ExecFlags): Promise<number> {
  return withOutput(context, flags, async (out) => {
    const { stdin, stdout, stderr } = process;
    const terminal = processTerminal({ stdin, stdout, stderr, stty }, out.output);
    const argv = commandOf(names, flags, terminal);
    const session = await openSession(context, out.reporter, flags);
    const service = serviceFor(session, names[0], flags);
    const request = { services: [service], busy: `checking ${service.name}`, brief: true };
    return withEnvironment(session, request, (connected) =>
      interruptible(context.clock, async (signal) => {
        const job = { out, session, connected, terminal, argv, flags, signal };
        const snapshot = await connected.snapshot();
        const places = serviceInstances(snapshot.facts, session.id, [service]);
        if (flags.all || flags.json) return execOnAll(job, places, snapshot.problems);
        const [place] = places;
        const [problem] = snapshot.problems.filter(({ host }) => host !== undefined);
        if (problem !== undefined || place === undefined)
          throw problem ?? new Error(`${service.name} has no instance`);
        return flags.new ? execInNew(job, place, snapshot.facts) : execInRunning(job, place);
      }),
    );
  });
}

function stty(setting: string): void {
  spawnSync('stty', [setting], { stdio: ['inherit', 'ignore', 'ignore'] });
}

interface Job {
  readonly out: CommandOutput;
  readonly session: Session;
  readonly connected: ConnectedEnvironment;
  readonly terminal: LocalTerminal;
  readonly argv: readonly string[];
  readonly flags: ExecFlags;
  readonly signal: AbortSignal;
}

/** The command after `--`. Throws usage failures for flags that cannot be combined. */
export function commandOf(
  [, ...extra]: readonly string[],
  { command, tty, all, interactive, json, new: fresh, host }: ExecFlags,
  { isTerminal }: Pick<LocalTerminal, 'isTerminal'>,
): readonly string[] {
  const usageFailure = (message: string, hint: string) =>
    new Failure('usage', 'arguments', message, { hint });
  if (extra.length > 0 || command === undefined || command.length === 0)
    throw usageFailure(
      'the command to run is missing',
      'add it after --, for example: oneclick exec web -- ls -l',
    );
  const several = all ? '--all' : json ? '--json' : undefined;
  if (several !== undefined && (tty || interactive || fresh))
    throw usageFailure(
      `${several} cannot be combined with -i, -t or --new`,
      `remove ${several}, or -i, -t and --new`,
    );
  if (all && host !== undefined)
    throw usageFailure('--all cannot be combined with --host', 'remove one of them');
  if (tty && !isTerminal)
    throw usageFailure('-t requires a terminal as input', 'remove -t; use -i to pass on the input');
  return command;
}

/** The service with the instances to run the command on. */
function serviceFor({ environment }: Session, name: string | undefined, { host, all }: ExecFlags) {
  const service = oneService(environment.services, name);
  if (all) return service;
  const hosts = service.instances.map((instance) => instance.host);
  if (host !== undefined) requireKnown('host', host, hosts);
  const instances = service.instances.filter((instance) => host === undefined || instance.host === host);
  return { ...service, instances: instances.slice(0, 1) };
}

const notRunningHint = 'find running instances with oneclick status, or use --new';

function dialogueOf({ flags, terminal }: Job): StdioOptions {
  return {
    input: flags.interactive || flags.tty,
    ...(flags.tty ? { terminal: terminal.size() } : {}),
  };
}

/** Runs in the running container. Output is not redacted: a database dump must arrive unchanged. */
async function execInRunning(job: Job, place: ServiceInstance): Promise<number> {
  const { out, terminal, flags, signal, argv } = job;
  const { host, container } = runningContainer(job.connected.ports, place, notRunningHint);
  const dialogue = dialogueOf(job);
  out.reporter.close();
  const attached = { terminal, signal, output: out.output, input: dialogue.input, tty: flags.tty };
  const exec = async () => attachTerminal(await host.engine.exec(container, argv, dialogue), attached);
  // After the prompt of a terminal.
  const tell = (text: string) => out.output.stderr.write(`${flags.tty ? '\n' : ''}${text}\n`);
  return tellingWhyEnded({ ...job, place }, exec, tell);
}

/** Runs in a temporary container. */
async function execInNew(job: Job, place: ServiceInstance, facts: Facts): Promise<number> {
  const { out, session, connected, terminal, flags, signal, argv } = job;
  const release = releaseAt(facts, place);
  const secrets = await session.secrets.get(release.spec.secrets);
  const run = newRun(session, 'exec');
  const dialogue = dialogueOf(job);
  const host = connected.ports.host(place.instance.host);
  const fresh = { host, facts, run, service: place.service.name, release, argv, secrets, dialogue };
  out.reporter.close();
  const options = { terminal, signal, output: out.output, input: dialogue.input, tty: flags.tty };
  return inOneOffContainer(fresh, (process) => attachTerminal(process, options));
}

interface Exit {
  readonly host: string;
  /** Null when the command did not run or its exit code is unknown. */
  readonly code: number | null;
  /** Why the command did not run, or why it was killed. */
  readonly problem: string | null;
}

/** Runs on every instance at once; resolves to the first exit code that is not 0. */
async function execOnAll(
  job: Job,
  places: readonly ServiceInstance[],
  problems: readonly Failure[],
): Promise<number> {
  const { out, argv, signal } = job;
  const print = await linePrinter(job, places);
  const failures: Failure[] = [];
  const exits = await Promise.all(
    places.map(async (place): Promise<Exit> => {
      const name = place.instance.host;
      try {
        const known = problems.find(({ host }) => host === name);
        if (known !== undefined) throw known;
        const { host, container } = runningContainer(job.connected.ports, place, notRunningHint);
        let problem: string | null = null;
        const exec = async () => {
          const process = await host.engine.exec(container, argv, { input: false });
          return relayLines(process, (stream, text) => print(name, stream, text), signal);
        };
        const code = await tellingWhyEnded({ ...job, place }, exec, (text) => {
          problem = text;
          out.output.stderr.write(`${text}\n`);
        });
        return { host: name, code, problem };
      } catch (error) {
        if (!(error instanceof Failure)) throw error;
        failures.push(error);
        return { host: name, code: null, problem: error.message };
      }
    }),
  );
  const service = places[0]?.service.name ?? '';
  out.reporter.result({ service, command: argv, exits }, (document, page) =>
    table(
      document.exits,
      [
        { title: 'HOST', value: (row) => row.host },
        { title: 'EXIT', value: (row) => String(row.code ?? '-'), align: 'right' },
        { title: 'PROBLEM', value: (row) => row.problem ?? '', narrow: 'wrap' },
      ],
      page,
    ),
  );
  if (failures.length > 0) return exitCode(failures.map(({ kind }) => kind));
  return exits.find(({ code }) => code !== 0)?.code ?? 0;
}

async function linePrinter({ out: { output }, flags }: Job, places: readonly ServiceInstance[]) {
  const label = lineLabeler({
    labels: places.map(({ instance }) => instance.host),
    style: flags.plain ? plainStyle : await loadStyle(output.stdout.color),
    aligned: Number.isFinite(output.stdout.columns),
  });
  return async (host: string, stream: 'stdout' | 'stderr', text: string) => {
    const sink = flags.json ? output.stdout : output[stream];
    sink.write(flags.json ? `${JSON.stringify({ schema, host, stream, text })}\n` : label(host, text));
    await sink.ready();
  };
}
