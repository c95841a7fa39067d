import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import { mkdir, open, readFile } from 'node:fs/promises';
import { request } from 'node:http';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { Behavior, type FaultRequest } from './aws/faults/behavior.js';
import type { Context } from './context.js';
import { SandboxFailure } from './failure.js';
import { endpointPort, type Network } from './network.js';
import type { StateFiles } from './state.js';
import { waitFor } from './wait.js';

/** The endpoint's program in the bundle. */
const program = fileURLToPath(new URL('../sandbox/endpoint.js', import.meta.url));

/** Returns the URL of the AWS API. */
export function endpointUrl(network: Network): string {
  return `http://127.0.0.1:${endpointPort(network)}`;
}

/** Path for requests of the sandbox itself, which are not part of the AWS API. */
export const controlPath = '/sandbox';

/** Returns the token for control requests; only users of the Docker engine can derive it. */
export function controlToken(network: Network): string {
  return createHash('sha256').update(`endpoint/${network.id}`).digest('hex');
}

const ProcessInfo = z.object({ pid: z.number(), build: z.number() });

/** Older builds report fewer fields. */
const EndpointStatus = ProcessInfo.extend(Behavior.partial().shape);
type EndpointStatus = z.infer<typeof EndpointStatus>;

const EndpointError = z.object({
  ...{ code: z.string(), message: z.string(), hint: z.string().optional(), exitCode: z.number() },
});

/** Returns the process ID and the build time (ms since 1970) of this program. */
export function processInfo(): z.infer<typeof ProcessInfo> {
  return { pid: process.pid, build: statSync(program).mtimeMs };
}

/** Starts the endpoint, or replaces one of another build; resolves once it responds. */
export async function ensureEndpoint(
  context: Context,
  files: StateFiles,
  name: string,
  network: Network,
): Promise<void> {
  const present = await callEndpoint(network, 'GET');
  if (present === 'foreign')
    throw new SandboxFailure('endpoint.port', `another process uses ${endpointUrl(network)}`, {
      hint: `find it with: ss -ltnp sport = :${endpointPort(network)}`,
    });
  if (present?.build === processInfo().build) return;
  await stopEndpoint(context, network);
  context.progress(`starting the endpoint at ${endpointUrl(network)}`);
  await start(context, files, name);
  await waitFor(context, `the endpoint at ${endpointUrl(network)}`, 30_000, async () => {
    const responds = (await callEndpoint(network, 'GET')) !== undefined;
    return responds ? undefined : `no response; ${files.log} ends with:\n${await lastLines(files)}`;
  });
}

/** Stops the endpoint, if it runs; resolves once it has stopped. Ignores another process on its port. */
export async function stopEndpoint(context: Context, network: Network): Promise<void> {
  const present = await callEndpoint(network, 'DELETE');
  if (present === undefined || present === 'foreign') return;
  await waitFor(context, 'the endpoint to stop', 10_000, async () =>
    (await callEndpoint(network, 'GET')) === undefined ? undefined : 'it still responds',
  );
}

/** Returns the endpoint's status, or `undefined` if it does not respond. */
export async function readBehavior(network: Network): Promise<EndpointStatus | undefined> {
  const present = await callEndpoint(network, 'GET');
  return present === 'foreign' ? undefined : present;
}

/**
 * Changes the endpoint's behavior and returns the new one.
 * @throws SandboxFailure if the request is rejected or the endpoint is down
 */
export async function requestFaults(
  network: Network,
  name: string,
  request: FaultRequest,
): Promise<Behavior> {
  const present = await callEndpoint(network, 'PATCH', JSON.stringify(request));
  const behavior = Behavior.safeParse(present).data;
  if (behavior !== undefined) return behavior;
  if (present === undefined || present === 'foreign') throw sandboxDown(name);
  throw new SandboxFailure('endpoint.old', 'the endpoint runs an older version', { hint: upCommand(name) });
}

/** The failure for a sandbox that is down. */
export function sandboxDown(name: string): SandboxFailure {
  return new SandboxFailure('sandbox.down', 'the sandbox is down', { hint: upCommand(name) });
}

function upCommand(name: string): string {
  return `run: oneclick sandbox up${name === 'default' ? '' : ` --name ${name}`}`;
}

async function start(context: Context, files: StateFiles, name: string): Promise<void> {
  await mkdir(files.folder, { recursive: true, mode: 0o700 });
  const log = await open(files.log, 'a', 0o600);
  try {
    const child = spawn(process.execPath, [program, name], {
      detached: true,
      stdio: ['ignore', log.fd, log.fd],
      cwd: '/',
      env: { ...context.env },
    });
    await new Promise((resolve, reject) => child.once('spawn', resolve).once('error', reject));
    child.unref();
  } finally {
    await log.close();
  }
}

async function lastLines(files: StateFiles): Promise<string> {
  const text = await readFile(files.log, 'utf8').catch(() => '');
  return text.trim().split('\n').slice(-5).join('\n');
}

/**
 * Returns the endpoint's status, `undefined` if nothing listens, or `foreign` if another program does.
 * @throws SandboxFailure if the endpoint rejects the request
 */
function callEndpoint(
  network: Network,
  method: 'GET' | 'PATCH' | 'DELETE',
  content = '',
): Promise<EndpointStatus | 'foreign' | undefined> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${controlToken(network)}` };
    const target = { host: '127.0.0.1', port: endpointPort(network), path: controlPath };
    const call = request({ ...target, method, headers, agent: false, timeout: 10_000 }, (reply) => {
      let body = '';
      reply.setEncoding('utf8').on('data', (chunk: string) => {
        body += chunk;
      });
      reply.on('end', () => {
        const failure = reply.statusCode === 400 ? parseError(body) : undefined;
        if (failure === undefined) resolve(parseStatus(body));
        else reject(failure);
      });
      reply.on('error', () => resolve('foreign'));
    });
    call.on('timeout', () => call.destroy());
    call.on('error', ({ code }: NodeJS.ErrnoException) =>
      // A reset means that it stopped during the call.
      resolve(code === 'ECONNREFUSED' || code === 'ECONNRESET' ? undefined : 'foreign'),
    );
    call.end(content);
  });
}

function parseStatus(body: string): EndpointStatus | 'foreign' {
  try {
    return EndpointStatus.parse(JSON.parse(body));
  } catch {
    return 'foreign';
  }
}

function parseError(body: string): SandboxFailure | undefined {
  try {
    const { code, message, hint, exitCode } = EndpointError.parse(JSON.parse(body));
    return new SandboxFailure(code, message, { exitCode, ...(hint === undefined ? {} : { hint }) });
  } catch {
    return undefined;
  }
}
