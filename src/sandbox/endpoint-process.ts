import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import { mkdir, open, readFile } from 'node:fs/promises';
import { request } from 'node:http';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
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

/** What an endpoint says of itself: which process it is, and of which build. */
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

/** Whether the API answers. */
export async function hasEndpoint(network: Network): Promise<boolean> {
  const present = await ask(network, 'GET');
  return present !== undefined && present !== 'foreign';
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

/** What the endpoint says of itself; nothing when nobody has its port, `foreign` when it is no endpoint that has it. */
function ask(
  network: Network,
  method: 'GET' | 'DELETE',
): Promise<z.infer<typeof About> | 'foreign' | undefined> {
  return new Promise((resolve) => {
    const headers = { authorization: `Bearer ${controlToken(network)}` };
    const where = { host: '127.0.0.1', port: endpointPort(network), path: controlPath };
    const asked = request({ ...where, method, headers, agent: false, timeout: 10_000 }, (reply) => {
      let said = '';
      reply.setEncoding('utf8').on('data', (chunk: string) => {
        said += chunk;
      });
      reply.on('end', () => resolve(parsed(said)));
      reply.on('error', () => resolve('foreign'));
    });
    asked.on('timeout', () => asked.destroy());
    asked.on('error', ({ code }: NodeJS.ErrnoException) =>
      // Reset: it has just ended, while it was asked.
      resolve(code === 'ECONNREFUSED' || code === 'ECONNRESET' ? undefined : 'foreign'),
    );
    asked.end();
  });
}

function parsed(said: string): z.infer<typeof About> | 'foreign' {
  try {
    return About.parse(JSON.parse(said));
  } catch {
    return 'foreign';
  }
}
