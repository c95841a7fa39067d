/**
 * So many hosts in one process, on ports of the loopback: SSH as it is, and behind it a Docker engine and a shell that only
 * answer. `node simulated-hosts.js COUNT`; says on one line where they are.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ServerChannel } from 'ssh2';
import { SshServer } from '../fakes/ssh-server.js';
import { SimulatedDocker } from './simulated-docker.js';

/** What is said of a crowd of hosts. */
export interface SimulatedHosts {
  readonly ports: readonly number[];
  /** Lines of a known_hosts file. */
  readonly known: string;
  /** Where the application of every host answers. */
  readonly service: number;
}

const marker = '\u0001oneclick\u0001\n';
const disk = 'Filesystem 1024-blocks Used Available Capacity Mounted\n/dev/sda 99999999 1 99999998 1% /\n';

/** Holds a lease, or says how the machine is: the program comes first on standard input, as long as the command line says. */
function runCommand(command: string, channel: ServerChannel): void {
  const length = Number(/head -c (\d+)/.exec(command)?.[1] ?? 0);
  let received = '';
  let lines: string | undefined;
  const end = () => {
    channel.exit(0);
    channel.end();
  };
  channel.on('data', (data: Buffer) => {
    received += data.toString();
    if (lines === undefined && received.length >= length) {
      const isLease = received.includes('oneclick-lease');
      channel.write(marker + (isLease ? 'held\n' : disk));
      channel.stderr.write(marker);
      if (!isLease) return end();
      lines = '';
      received = received.slice(length);
    }
    if (lines === undefined) return;
    const parts = received.split('\n');
    received = parts.pop() ?? '';
    for (const line of parts) {
      if (line === 'release') end();
      else channel.write('.\n');
    }
  });
}

const service = createServer((_, response) => response.end('well'));
await new Promise<void>((resolve) => service.listen(0, '127.0.0.1', resolve));

const hosts: SshServer[] = [];
for (let made = 0; made < Number(process.argv[2]); made += 1) {
  const docker = await SimulatedDocker.start();
  hosts.push(await SshServer.start({ docker: docker.port, exec: runCommand }));
}
const simulated: SimulatedHosts = {
  ports: hosts.map(({ port }) => port),
  known: hosts.map(({ known }) => known).join(''),
  service: (service.address() as AddressInfo).port,
};
process.stdout.write(`${JSON.stringify(simulated)}\n`);
// It ends with the process that has started it.
process.stdin.resume().on('end', () => process.exit());
