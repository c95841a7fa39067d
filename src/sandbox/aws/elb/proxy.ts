import { connect } from 'node:net';
import type { Context } from '../../context.js';
import { execute, hasStatus, ifExists, labels } from '../../docker.js';
import { SandboxFailure } from '../../failure.js';
import { waitFor } from '../../wait.js';
import type { Region } from '../action.js';
import type { Balancer } from './balancer.js';
import { apiPort, type Config, checkCommand, configOf, folder, startCommand, stateFile } from './config.js';
import { type Checks, commandsFor, readChecks, readServerStates } from './runtime.js';

/** The proxies of load balancers. */
export interface Proxies {
  /** Configures a balancer's proxy without dropping requests; creates or starts it if needed. Resolves once in effect. */
  apply(region: Region, balancer: Balancer): Promise<void>;
  /** Returns the results of its health checks. */
  checks(region: Region, balancer: Pick<Balancer, 'address'>): Promise<Checks>;
  /** Does nothing if there is no proxy. */
  remove(region: Region, balancer: Pick<Balancer, 'id'>): Promise<void>;
}

/** One HAProxy container per balancer; restarts with its last configuration. */
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
  const states = readServerStates(await query(context, balancer, '@1 show servers state'));
  for (const line of commandsFor(balancer, states)) await sendCommand(context, balancer, line);
}

async function checks({ context }: Region, balancer: Pick<Balancer, 'address'>): Promise<Checks> {
  return readChecks(await query(context, balancer, '@1 show stat'));
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
    if (!hasStatus(error, 304)) throw error;
  }
}

async function create({ context, ...region }: Region, balancer: Balancer, name: string): Promise<void> {
  context.progress(`creating the load balancer ${balancer.name} at ${balancer.address}`);
  await context.docker.createContainer({
    name,
    Image: region.image,
    Hostname: balancer.name,
    Cmd: [...startCommand],
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

/** The structure that the running process has loaded. */
async function structureOf(context: Context, balancer: Balancer): Promise<string | undefined> {
  return /^description: (.*)$/m.exec(await query(context, balancer, '@1 show info'))?.[1];
}

/** The new process takes over sockets and health states; the old one finishes its requests. */
async function reload(region: Region, balancer: Balancer, config: Config): Promise<void> {
  const { context } = region;
  const states = await query(context, balancer, '@1 show servers state');
  await write(region, balancer, { ...config.files, [stateFile]: states });
  const { exitCode, output } = await execute(context.docker, containerName(region, balancer), checkCommand);
  if (exitCode !== 0) throw configError(balancer, output);
  await query(context, balancer, 'reload');
  await waitFor(context, `the load balancer ${balancer.name}`, 30_000, async () =>
    (await structureOf(context, balancer)) === config.structure ? undefined : 'not reloaded yet',
  );
}

async function write(
  region: Region,
  balancer: Balancer,
  files: Readonly<Record<string, string>>,
): Promise<void> {
  const script = 'while [ $# -gt 0 ]; do printf %s "$2" >"$1.new" && mv "$1.new" "$1" || exit; shift 2; done';
  const paths = Object.entries(files).map(([name, text]) => [`${folder}/${name}`, text]);
  const argv = ['sh', '-c', script, 'write', ...paths.flat()];
  const { exitCode, output } = await execute(region.context.docker, containerName(region, balancer), argv);
  if (exitCode !== 0) throw configError(balancer, output);
}

/** A server with open connections cannot be deleted yet, which is not an error. */
async function sendCommand(context: Context, balancer: Balancer, line: string): Promise<void> {
  const answer = (await query(context, balancer, `@1 ${line}`)).trim();
  const expected = answer === '' || /^(New server registered|Server deleted|Server still has)/.test(answer);
  if (!expected) throw configError(balancer, `${line}: ${answer}`);
}

function configError({ name }: Balancer, reason: string): SandboxFailure {
  return new SandboxFailure(
    'balancer.refused',
    `the load balancer ${name} rejects its configuration: ${reason}`,
  );
}

/** Sends a command to HAProxy's API; retries during a start or reload. */
async function query(
  context: Context,
  { address }: Pick<Balancer, 'address'>,
  line: string,
): Promise<string> {
  let answer = '';
  await waitFor(context, `the load balancer at ${address}`, 15_000, async () => {
    const found = await queryOnce(address, line);
    answer = found.answer;
    return found.missing;
  });
  return answer;
}

function queryOnce(address: string, line: string): Promise<{ answer: string; missing?: string }> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    const answer = () => Buffer.concat(chunks).toString('utf8');
    const socket = connect({ host: address, port: apiPort, timeout: 5_000 });
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.once('end', () => resolve({ answer: answer() }));
    socket.once('timeout', () => socket.destroy(new Error('no response within 5 s')));
    socket.once('error', ({ message }) => resolve({ answer: '', missing: message }));
    socket.end(`${line}\n`);
  });
}
