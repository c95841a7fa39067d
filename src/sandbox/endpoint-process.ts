import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import { mkdir, open, readFile } from 'node:fs/promises';
import { request } from 'node:http';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { Behaviour, type FaultRequest } from './aws/faults/behaviour.js';
import type { Context } from './context.js';
import { SandboxFailure } from './failure.js';
import { endpointPort, type Network } from './network.js';
import type { StateFiles } from './state.js';
import { waitFor } from './wait.js';

/** The program, beside whatever of the bundle this runs in. */
const program = fileURLToPath(new URL('../sandbox/endpoint.js', import.meta.url));

/** Where the API answers. */
export function endpointUrl(network: Network): string {
  return `http://127.0.0.1:${endpointPort(network)}`;
}

/** Where the endpoint is asked by the sandbox, which is no part of the API. */
export const controlPath = '/sandbox';

/** What the endpoint wants to be shown by who ends it: known to whoever may use the engine, and to no one else. */
export function controlToken(network: Network): string {
  return createHash('sha256').update(`endpoint/${network.id}`).digest('hex');
}

const About = z.object({ pid: z.number(), build: z.number() });

/** What an endpoint says of itself; one of an older build says less. */
const Said = About.extend(Behaviour.partial().shape);
type Said = z.infer<typeof Said>;

/** What an endpoint refuses. */
const Refusal = z.object({
  ...{ code: z.string(), message: z.string(), hint: z.string().optional(), exitCode: z.number() },
});

/** Which process it is, and of which build. */
export function about(): z.infer<typeof About> {
  return { pid: process.pid, build: statSync(program).mtimeMs };
}

/** Has the endpoint of this build answer: starts it, or another in the place of one of an older build. */
export async function ensureEndpoint(
  context: Context,
  files: StateFiles,
  name: string,
  network: Network,
): Promise<void> {
  const present = await ask(network, 'GET');
  if (present === 'foreign')
    throw new SandboxFailure('endpoint.port', `${endpointUrl(network)} is taken by something else`, {
      hint: `see what has it: ss -ltnp sport = :${endpointPort(network)}`,
    });
  if (present?.build === about().build) return;
  await endEndpoint(context, network);
  context.progress(`Starting the endpoint at ${endpointUrl(network)}`);
  await start(context, files, name);
  await waitFor(context, `the endpoint at ${endpointUrl(network)}`, 30_000, async () => {
    const answers = (await ask(network, 'GET')) !== undefined;
    return answers ? undefined : `it does not answer; ${files.log} ends with:\n${await lastLines(files)}`;
  });
}

/** Ends the endpoint, if there is one; resolves when it has ended. Whatever else has its port is left alone. */
export async function endEndpoint(context: Context, network: Network): Promise<void> {
  const present = await ask(network, 'DELETE');
  if (present === undefined || present === 'foreign') return;
  await waitFor(context, 'the end of the endpoint', 10_000, async () =>
    (await ask(network, 'GET')) === undefined ? undefined : 'it still answers',
  );
}

/** How the endpoint behaves, as far as its build says it; nothing when the API does not answer. */
export async function behaviourOf(network: Network): Promise<Said | undefined> {
  const present = await ask(network, 'GET');
  return present === 'foreign' ? undefined : present;
}

/**
 * Has the endpoint behave otherwise; answers how it does then.
 * @throws SandboxFailure when it refuses, and when there is none
 */
export async function requestFaults(network: Network, name: string, wish: FaultRequest): Promise<Behaviour> {
  const present = await ask(network, 'PATCH', JSON.stringify(wish));
  const behaviour = Behaviour.safeParse(present).data;
  if (behaviour !== undefined) return behaviour;
  if (present === undefined || present === 'foreign') throw down(name);
  throw new SandboxFailure('endpoint.old', 'the endpoint is of an older version', { hint: upAgain(name) });
}

/** That nothing answers where the sandbox `name` should. */
export function down(name: string): SandboxFailure {
  return new SandboxFailure('sandbox.down', 'the sandbox is down', {
    hint: upAgain(name),
  });
}

function upAgain(name: string): string {
  return `oneclick sandbox up${name === 'default' ? '' : ` --name ${name}`}`;
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
 * What the endpoint says of itself; nothing when nobody has its port, `foreign` when it is no endpoint that has it.
 * @throws SandboxFailure when it refuses
 */
function ask(
  network: Network,
  method: 'GET' | 'PATCH' | 'DELETE',
  text = '',
): Promise<Said | 'foreign' | undefined> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${controlToken(network)}` };
    const where = { host: '127.0.0.1', port: endpointPort(network), path: controlPath };
    const asked = request({ ...where, method, headers, agent: false, timeout: 10_000 }, (reply) => {
      let said = '';
      reply.setEncoding('utf8').on('data', (chunk: string) => {
        said += chunk;
      });
      reply.on('end', () => {
        const refusal = reply.statusCode === 400 ? refused(said) : undefined;
        if (refusal === undefined) resolve(parsed(said));
        else reject(refusal);
      });
      reply.on('error', () => resolve('foreign'));
    });
    asked.on('timeout', () => asked.destroy());
    asked.on('error', ({ code }: NodeJS.ErrnoException) =>
      // Reset: it has just ended, while it was asked.
      resolve(code === 'ECONNREFUSED' || code === 'ECONNRESET' ? undefined : 'foreign'),
    );
    asked.end(text);
  });
}

function parsed(said: string): Said | 'foreign' {
  try {
    return Said.parse(JSON.parse(said));
  } catch {
    return 'foreign';
  }
}

function refused(said: string): SandboxFailure | undefined {
  try {
    const { code, message, hint, exitCode } = Refusal.parse(JSON.parse(said));
    return new SandboxFailure(code, message, { exitCode, ...(hint === undefined ? {} : { hint }) });
  } catch {
    return undefined;
  }
}
