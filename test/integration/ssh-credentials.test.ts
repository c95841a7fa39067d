import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, expect, jest, test } from '@jest/globals';
import { TcpProxy } from '../fakes/tcp-proxy.js';
import { expectSettled } from './expect-settled.js';
import { openSandbox, type Sandbox, slow, succeeds, waitFor } from './harness.js';

jest.setTimeout(300_000);

const exec = promisify(execFile);
const keygen = (...argv: readonly string[]) => exec('ssh-keygen', ['-q', ...argv]);
const restartSshd =
  'old=$(cat /run/sshd.pid); kill "$old"; ' +
  'until new=$(cat /run/sshd.pid 2>/dev/null) && [ -n "$new" ] && [ "$new" != "$old" ]; do sleep 0.1; done';
const setting = '/etc/ssh/sshd_config.d/certificates.conf';
const hostKey = '/etc/ssh/ssh_host_ed25519_key';

let sandbox: Sandbox;
/** A home directory with an empty folder for sockets. */
let home: string;
let agent: ChildProcess | undefined;

const shell = (script: string) => sandbox.inside(1, 'sh', '-c', script);
const path = (name: string) => join(home, name);
const put = async (file: string, name: string) =>
  shell(`echo '${(await readFile(path(name), 'utf8')).trim()}' >${file}`);

beforeAll(async () => {
  sandbox = await openSandbox('credentials');
});
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'oneclick-home-'));
  for (const folder of ['.ssh', 'tmp']) await mkdir(path(folder), { mode: 0o700 });
});
afterEach(async () => {
  agent?.kill();
  agent = undefined;
  await shell(`rm -f ${setting} ${hostKey}-cert.pub /etc/ssh/users_ca.pub; ${restartSshd}`);
  await rm(home, { recursive: true, force: true });
  await sandbox.clean();
});
afterAll(() => sandbox.down());

const address = () => sandbox.environment.hosts['sandbox-1']?.address ?? '';

/** Makes the first machine trust certificates for users, and present one of its own. */
async function trustCertificates(): Promise<void> {
  for (const name of ['users_ca', 'hosts_ca', 'id'])
    await keygen('-t', 'ed25519', '-N', '', '-f', path(name));
  await writeFile(path('host.pub'), await sandbox.inside(1, 'cat', `${hostKey}.pub`));
  await keygen('-s', path('hosts_ca'), '-h', '-I', 'host', '-n', address(), '-V', '+1h', path('host.pub'));
  await put(`${hostKey}-cert.pub`, 'host-cert.pub');
  await put('/etc/ssh/users_ca.pub', 'users_ca.pub');
  const lines = ['TrustedUserCAKeys /etc/ssh/users_ca.pub', `HostCertificate ${hostKey}-cert.pub`];
  await shell(`printf '${lines.join('\\n')}\\n' >${setting}; ${restartSshd}`);
  const authority = await readFile(path('hosts_ca.pub'), 'utf8');
  await writeFile(path('.ssh/known_hosts'), `@cert-authority * ${authority}`);
}

const sign = (validity: string) =>
  keygen('-s', path('users_ca'), '-I', 'ana', '-n', 'deploy', '-V', validity, path('id.pub'));

async function startAgent(...keys: readonly string[]): Promise<string> {
  const socket = path('agent');
  agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: 'ignore' });
  const env = { ...process.env, SSH_AUTH_SOCK: socket };
  await waitFor(() =>
    exec('ssh-add', ['-l'], { env }).then(
      () => true,
      ({ code }) => code === 1,
    ),
  );
  for (const key of keys) await exec('ssh-add', ['-q', path(key)], { env });
  return socket;
}

async function newProject(env: NodeJS.ProcessEnv, ssh: object = {}, host: object = {}) {
  const project = await sandbox.newProject({ HOME: home, TMPDIR: path('tmp'), ...env });
  const hosts = { 'sandbox-1': { address: address(), ...host } };
  const environments = { production: { hosts, ssh: { user: 'deploy', ...ssh } } };
  const write = (services: Readonly<Record<string, object>>) => project.write(services, { environments });
  await write({ web: {} });
  return { ...project, write };
}
const onProduction = ['--env', 'production'];
const sockets = () => readdir(path('tmp'));

test('a certificate in the agent and an authority of hosts are used, also by logs, exec and ssh', async () => {
  await trustCertificates();
  await sign('+1h');
  const project = await newProject({ SSH_AUTH_SOCK: await startAgent('id') });
  await rm(path('id'));
  await succeeds(project.start('deploy', ...onProduction));
  await succeeds(project.start('deploy', 'web', '--tag', 'v2', ...onProduction));
  await expectSettled(sandbox, project, ['v2']);
  const ran = await succeeds(project.start('exec', 'web', ...onProduction, '--', 'echo', 'here'));
  expect(ran.stdout).toBe('here\n');
  await succeeds(project.start('logs', 'web', ...onProduction));
  const ssh = await succeeds(project.start('ssh', ...onProduction, '--', 'whoami'));
  expect(ssh.stdout).toBe('deploy\n');
  // With a known host key, ssh2 is tried first.
  const key = await sandbox.inside(1, 'cat', `${hostKey}.pub`);
  await writeFile(path('.ssh/known_hosts'), `${address()} ${key}\n`);
  await succeeds(project.start('exec', 'web', ...onProduction, '--', 'true'));
  expect(await sockets()).toEqual([]);
});

test('a CertificateFile of ~/.ssh/config is used; an expired one is refused with the reason', async () => {
  await trustCertificates();
  await sign('+1h');
  await exec('mv', [path('id-cert.pub'), path('signed.pub')]);
  const config = `Host *\n  IdentityFile ${path('id')}\n  CertificateFile ${path('signed.pub')}\n`;
  await writeFile(path('.ssh/config'), config);
  const project = await newProject({ SSH_AUTH_SOCK: '' });
  await succeeds(project.start('deploy', ...onProduction));
  await sign('20200101:20200102');
  await exec('mv', [path('id-cert.pub'), path('signed.pub')]);
  const refused = await project.run('deploy', ...onProduction);
  expect(refused.code).toBe(4);
  expect(refused.stderr).toContain('ssh-keygen -L');
  expect(refused.stderr).not.toContain('ssh-copy-id');
});

test('a host certificate of another authority is refused', async () => {
  await trustCertificates();
  const authority = await readFile(path('users_ca.pub'), 'utf8');
  await writeFile(path('.ssh/known_hosts'), `@cert-authority * ${authority}`);
  const project = await newProject({ SSH_AUTH_SOCK: '' }, { key: sandbox.environment.ssh.key });
  const { code, stderr } = await project.run('deploy', ...onProduction);
  expect(code).toBe(4);
  expect(stderr).toContain('the host certificate of sandbox-1');
  expect(stderr).not.toContain('ssh-keyscan');
});

test('a run over the system ssh that is killed frees the lease and leaves no sockets', async () => {
  const { key, known_hosts } = sandbox.environment.ssh;
  const project = await newProject({}, { key, known_hosts, transport: 'system' });
  await project.write({ web: slow(4) });
  await succeeds(project.start('deploy', ...onProduction));
  const running = project.start('deploy', 'web', '--tag', 'v2', '--batch', 'all', ...onProduction);
  await waitFor(async () => (await project.serving(1)).includes('v2'));
  expect(await sockets()).toHaveLength(1);
  running.child.kill('SIGKILL');
  await running.result;
  await waitFor(async () => (await sockets()).length === 0, 5000);
  await succeeds(project.start('deploy', 'web', '--tag', 'v3', '--wait', ...onProduction));
  await expectSettled(sandbox, project, ['v3']);
});

test.each(['auto', 'system'])(
  'too many keys are reported as such, without a storm (%s)',
  async (transport) => {
    const keys = Array.from({ length: 8 }, (_, index) => `key${index}`);
    for (const key of keys) await keygen('-t', 'ed25519', '-N', '', '-f', path(key));
    const proxy = await TcpProxy.to(address(), 22);
    try {
      const [, type, key] = (await sandbox.inside(1, 'cat', `${hostKey}.pub`)).match(/^(\S+) (\S+)/) ?? [];
      await writeFile(path('.ssh/known_hosts'), `[127.0.0.1]:${proxy.port} ${type} ${key}\n`);
      const host = { address: '127.0.0.1', port: proxy.port };
      const project = await newProject({ SSH_AUTH_SOCK: await startAgent(...keys) }, { transport }, host);
      const { code, stderr } = await project.run('deploy', ...onProduction);
      expect(code).toBe(4);
      expect(stderr).toContain('IdentitiesOnly');
      expect(proxy.connections).toBeLessThanOrEqual(2);
    } finally {
      await proxy.close();
    }
  },
);

test('a ProxyCommand that takes an instance through a gateway is expanded, in deploy and in ssh', async () => {
  const { key, known_hosts } = sandbox.environment.ssh;
  const gateway = `ssh -F /dev/null -i ${key} -o UserKnownHostsFile=${known_hosts} -W %h:%p %r@${address()}`;
  const target = sandbox.environment.hosts['sandbox-1']?.address ?? '';
  const config = `Host i-*\n  HostName ${target}\n  ProxyCommand sh -c "echo for %n >>${path('seen')}; exec ${gateway}"\n`;
  await writeFile(path('.ssh/config'), config);
  const project = await newProject({}, { key, known_hosts }, { address: 'i-0123' });
  await succeeds(project.start('deploy', ...onProduction));
  const { stdout } = await succeeds(project.start('ssh', ...onProduction, '--', 'whoami'));
  expect(stdout).toBe('deploy\n');
  expect(new Set((await readFile(path('seen'), 'utf8')).trim().split('\n'))).toEqual(new Set(['for i-0123']));
});
