import { connect } from 'node:net';
import type { Context } from '../../context.js';
import { execute, ifExists, isStatus, labels } from '../../docker.js';
import { SandboxFailure } from '../../failure.js';
import { waitFor } from '../../wait.js';
import type { Region } from '../action.js';
import type { Balancer } from './balancer.js';
import { apiPort, type Config, check, command, configOf, folder, stateFile } from './config.js';
import { type Checks, commandsFor, readChecks, readStandings } from './runtime.js';

/** What stands behind load balancers: by default a real HAProxy each. */
export interface Proxies {
  /**
   * Brings a balancer's proxy to what `balancer` says; made, or started again, when it does not run. No request is dropped
   * by it. Resolves when it is in force.
   */
  apply(region: Region, balancer: Balancer): Promise<void>;
  /** What its health checks have found. */
  checks(region: Region, balancer: Pick<Balancer, 'address'>): Promise<Checks>;
  /** Harmless when there is none. */
  remove(region: Region, balancer: Pick<Balancer, 'id'>): Promise<void>;
}

/** A container with HAProxy for each balancer, which keeps its own configuration for when it is started again. */
export const haproxies: Proxies = { apply, checks, remove };

async function apply(region: Region, balancer: Balancer): Promise<void> {
  const { context } = region;
  await ensureContainer(region, balancer);
  const config = configOf(balancer);
  if ((await structureOf(context, balancer)) === config.structure) {
    await write(region, balancer, config.files);
  } else {
    await reload(region, balancer, config);
  }
  const standings = readStandings(await ask(context, balancer, '@1 show servers state'));
  for (const line of commandsFor(balancer, standings)) await tell(context, balancer, line);
}

async function checks({ context }: Region, balancer: Pick<Balancer, 'address'>): Promise<Checks> {
  return readChecks(await ask(context, balancer, '@1 show stat'));
}

async function remove(region: Region, balancer: Pick<Balancer, 'id'>): Promise<void> {
  const container = region.context.docker.getContainer(containerName(region, balancer));
  await ifExists(container.remove({ force: true, v: true }));
}

function containerName({ sandbox }: Region, { id }: Pick<Balancer, 'id'>): string {
  return `oneclick-${sandbox}-balancer-${id}`;
}

async function ensureContainer(region: Region, balancer: Balancer): Promise<void> {
  const name = containerName(region, balancer);
  const container = region.context.docker.getContainer(name);
  const present = await ifExists(container.inspect());
  if (present?.State.Running) return;
  if (present === undefined) await create(region, balancer, name);
  try {
    await container.start();
  } catch (error) {
    if (!isStatus(error, 304)) throw error;
  }
}

async function create({ context, ...region }: Region, balancer: Balancer, name: string): Promise<void> {
  context.progress(`Making the load balancer ${balancer.name} at ${balancer.address}`);
  await context.docker.createContainer({
    name,
    Image: region.image,
    Hostname: balancer.name,
    Cmd: [...command],
    Labels: {
      [labels.sandbox]: region.sandbox,
      [labels.role]: 'load-balancer',
      [labels.arn]: balancer.arn,
    },
    HostConfig: {
      NetworkMode: region.network.name,
      LogConfig: { Type: 'json-file', Config: { 'max-size': '1m' } },
    },
    NetworkingConfig: {
      EndpointsConfig: { [region.network.name]: { IPAMConfig: { IPv4Address: balancer.address } } },
    },
  });
}

/** What the running process was made for. */
async function structureOf(context: Context, balancer: Balancer): Promise<string | undefined> {
  return /^description: (.*)$/m.exec(await ask(context, balancer, '@1 show info'))?.[1];
}

/** The new process takes over the sockets and what is known of the servers' health; the old one answers what it has. */
async function reload(region: Region, balancer: Balancer, config: Config): Promise<void> {
  const { context } = region;
  const states = await ask(context, balancer, '@1 show servers state');
  await write(region, balancer, { ...config.files, [stateFile]: states });
  const { exitCode, output } = await execute(context.docker, containerName(region, balancer), check);
  if (exitCode !== 0) throw refused(balancer, output);
  await ask(context, balancer, 'reload');
  await waitFor(context, `the load balancer ${balancer.name}`, 30_000, async () =>
    (await structureOf(context, balancer)) === config.structure ? undefined : 'it has not reloaded',
  );
}

/** For the next process, whether a reload or a restart of the container begins it. */
async function write(
  region: Region,
  balancer: Balancer,
  files: Readonly<Record<string, string>>,
): Promise<void> {
  const script = 'while [ $# -gt 0 ]; do printf %s "$2" >"$1.new" && mv "$1.new" "$1" || exit; shift 2; done';
  const paths = Object.entries(files).map(([name, text]) => [`${folder}/${name}`, text]);
  const argv = ['sh', '-c', script, 'write', ...paths.flat()];
  const { exitCode, output } = await execute(region.context.docker, containerName(region, balancer), argv);
  if (exitCode !== 0) throw refused(balancer, output);
}

/** A command for the servers; a server that cannot go yet because of its connections is none to complain about. */
async function tell(context: Context, balancer: Balancer, line: string): Promise<void> {
  const answer = (await ask(context, balancer, `@1 ${line}`)).trim();
  const fine = answer === '' || /^(New server registered|Server deleted|Server still has)/.test(answer);
  if (!fine) throw refused(balancer, `${line}: ${answer}`);
}

function refused({ name }: Balancer, why: string): SandboxFailure {
  return new SandboxFailure(
    'balancer.refused',
    `the load balancer ${name} refuses its configuration: ${why}`,
  );
}

/** One command of HAProxy's API, and its answer; asked again while a start or a reload leaves nobody to answer. */
async function ask(context: Context, { address }: Pick<Balancer, 'address'>, line: string): Promise<string> {
  let answer = '';
  await waitFor(context, `the load balancer at ${address}`, 15_000, async () => {
    const found = await once(address, line);
    answer = found.answer;
    return found.missing;
  });
  return answer;
}

function once(address: string, line: string): Promise<{ answer: string; missing?: string }> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    const answer = () => Buffer.concat(chunks).toString('utf8');
    const socket = connect({ host: address, port: apiPort, timeout: 5_000 });
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.once('end', () => resolve({ answer: answer() }));
    socket.once('timeout', () => socket.destroy(new Error('no answer within 5 s')));
    socket.once('error', ({ message }) => resolve({ answer: '', missing: message }));
    socket.end(`${line}\n`);
  });
}
