import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { homedir, userInfo } from 'node:os';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { parse } from 'yaml';
import { z } from 'zod';
import { systemClock } from '../../src/domain/clock.js';
import type { HostAddress } from '../../src/domain/environment.js';
import { connectAll, type Hosts, type HostsOptions } from '../../src/host/hosts.js';
import { sharedEnvironment } from '../integration/shared-environment.js';

const Environment = z.object({
  hosts: z.record(z.string(), z.object({ address: z.string(), port: z.number() })),
  ssh: z.object({ user: z.string(), key: z.string(), known_hosts: z.string() }),
  registry: z.string(),
});

/** The file of the tests' sandbox, or of a running one. */
function environmentFile(): string {
  const state = process.env.XDG_STATE_HOME || join(homedir(), '.local', 'state');
  return sharedEnvironment() ?? join(state, 'oneclick', 'environments', 'sandbox.yml');
}

const Status = z.looseObject({ endpoint: z.string(), region: z.string() });

/** The sandbox's AWS endpoint. */
export async function endpoint(): Promise<z.infer<typeof Status>> {
  const name = basename(environmentFile(), '.yml').replace(/^sandbox-/, '');
  const argv = ['sandbox', 'status', '--name', name, '--json'];
  const { stdout } = await promisify(execFile)('bin/oneclick', argv);
  return Status.parse(JSON.parse(stdout));
}

/** The machines of `oneclick sandbox up`; ONECLICK_TEST_ENVIRONMENT names the file of another sandbox. */
export async function sandbox(): Promise<{ addresses: HostAddress[]; registry: string }> {
  const { hosts, ssh, registry } = Environment.parse(parse(await readFile(environmentFile(), 'utf8')));
  const addresses = Object.entries(hosts).map(([name, { address, port }]) => ({
    name,
    address,
    port,
    user: ssh.user,
    key: ssh.key,
    knownHosts: ssh.known_hosts,
    hostKeys: 'known' as const,
  }));
  return { addresses, registry };
}

/** Connects to machines with default options. */
export function connect(
  addresses: readonly HostAddress[],
  options: Partial<HostsOptions> = {},
): Promise<Hosts> {
  const environment = { home: homedir(), user: userInfo().username, variables: process.env };
  return connectAll(addresses, { clock: systemClock, environment, ...options });
}

/** Pushes the sample application under a tag and returns its reference. */
export async function pushSample(registry: string, tag: string): Promise<string> {
  const { stdout } = await promisify(execFile)('test/sample/build.sh', [registry, tag]);
  return stdout.trim();
}
