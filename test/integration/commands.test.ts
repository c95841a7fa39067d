import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, expect, jest, test } from '@jest/globals';
import { z } from 'zod';
import { openSandbox, type Project, type Sandbox, succeeds, waitFor } from './harness.js';

jest.setTimeout(300_000);

let sandbox: Sandbox;

beforeAll(async () => {
  sandbox = await openSandbox('everyday');
});
afterEach(() => sandbox.clean());
afterAll(() => sandbox.down());

const exec = promisify(execFile);

async function deployed(keys: object = {}, env: NodeJS.ProcessEnv = {}, rest: object = {}): Promise<Project> {
  const project = await sandbox.newProject(env);
  await project.write({ web: keys }, rest);
  await succeeds(project.start('deploy', '--batch', 'all'));
  return project;
}

/** Writes 100 numbered lines more than ten times a second. */
const manyLogLines = {
  docker: {
    Entrypoint: [
      '/bin/sh',
      '-c',
      '/bin/app & n=0; while :; do i=0; while [ $i -lt 100 ]; do i=$((i+1)); n=$((n+1)); echo "line $n"; done; usleep 85000; done',
    ],
  },
};

const Line = z.strictObject({
  schema: z.literal(1),
  host: z.string(),
  service: z.literal('web'),
  release: z.literal(1),
  time: z.string(),
  stream: z.enum(['stdout', 'stderr']),
  text: z.string(),
});

/** Resident memory of a process, MB. */
async function residentMemory(pid: number | undefined): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]) / 1024;
}

test('logs --follow loses no line of three hosts at 1,000 lines a second, even when a connection is lost, in bounded memory', async () => {
  const project = await deployed(manyLogLines);
  const running = project.start('logs', '--follow', '--json');
  // Approximate: lines split between two chunks are not counted.
  const counts = new Map([1, 2, 3].map((machine) => [`sandbox-${machine}`, 0]));
  running.child.stdout?.on('data', (text: string) => {
    for (const [, host = ''] of text.matchAll(/"host":"([^"]+)".*"line \d+"/g))
      counts.set(host, (counts.get(host) ?? 0) + 1);
  });
  const hasRead = (lines: number) => waitFor(async () => Math.min(...counts.values()) >= lines);
  await hasRead(5_000);
  const before = await residentMemory(running.child.pid);
  await hasRead(10_000);
  await sandbox.inside(2, 'sh', '-c', 'kill $(pgrep -f "^sshd: .*@notty")');
  await running.prints(/sandbox-2: connected again/);
  await hasRead(20_000);
  const after = await residentMemory(running.child.pid);
  running.child.kill('SIGINT');
  const { code, stdout } = await running.result;
  expect(code).toBe(130);
  const lines = stdout
    .trimEnd()
    .split('\n')
    .map((line) => Line.parse(JSON.parse(line)));
  for (const host of ['sandbox-1', 'sandbox-2', 'sandbox-3']) {
    const numbers = lines
      .filter((line) => line.host === host && line.text.startsWith('line '))
      .map(({ text }) => Number(text.slice(5)));
    const [first = 0] = numbers;
    expect(numbers.findIndex((number, index) => number !== first + index)).toBe(-1);
    expect(numbers.length).toBeGreaterThan(18_000);
  }
  expect(after - before).toBeLessThan(60);
  const swapped = lines.filter(({ time }, index) => time < (lines[index - 1]?.time ?? ''));
  // Lines of the host that was disconnected arrive late.
  expect(swapped.filter(({ host }) => host !== 'sandbox-2').length).toBeLessThan(lines.length / 100);
});

test('logs without --follow are sorted by time, and a closed pipe ends them without an error', async () => {
  const project = await deployed();
  const { stdout } = await succeeds(project.start('logs'));
  const lines = stdout.trimEnd().split('\n');
  expect(lines).toHaveLength(6);
  for (const line of lines) expect(line).toMatch(/^sandbox-[123] \| sample v1: (starting|listening)/);
  expect((await succeeds(project.start('logs', '--grep', 'listening', '--host', 'sandbox-2'))).stdout).toBe(
    'sandbox-2 | sample v1: listening on port 8080\n',
  );
  const line = `'${process.execPath}' '${join(import.meta.dirname, '../../bin/oneclick')}' logs | head -1; echo "\${PIPESTATUS[0]}"`;
  const env = { ...process.env, XDG_STATE_HOME: stateFolder(), ONECLICK_ENV: `sandbox-${sandbox.name}` };
  const piped = await exec('bash', ['-c', line], { cwd: project.folder, env });
  expect([piped.stdout.split('\n').slice(1), piped.stderr]).toEqual([['0', ''], '']);
});

/** The state folder of the sandbox. */
function stateFolder(): string {
  return join(sandbox.knownHosts, '../../../..');
}

test('exec passes on output and exit code, and leaves no container behind', async () => {
  const project = await deployed();
  const output = await project.run('exec', 'web', '--', 'sh', '-c', 'echo out; echo err >&2; exit 4');
  expect(output).toEqual({ code: 4, stdout: 'out\n', stderr: 'err\n' });
  const all = await project.run('exec', '--all', '--', 'sh', '-c', 'echo "$VERSION"; exit 3');
  expect(all.code).toBe(3);
  for (const host of ['sandbox-1', 'sandbox-2', 'sandbox-3']) {
    expect(all.stdout).toContain(`${host} | v1\n`);
    expect(all.stdout).toMatch(new RegExp(`^${host} +3$`, 'm'));
  }
  const fresh = await project.run('exec', '--new', '--', 'sh', '-c', 'echo "$VERSION"; exit 5');
  expect(fresh).toEqual({ code: 5, stdout: 'v1\n', stderr: '' });
  const stopped = project.start(
    'exec',
    'web',
    '--host',
    'sandbox-1',
    '--',
    'sh',
    '-c',
    'echo begun; sleep 60',
  );
  await stopped.prints(/begun/);
  await succeeds(project.start('stop', 'web', '--host', 'sandbox-1'));
  expect(await stopped.result).toMatchObject({
    ...{ code: 137 },
    stderr: expect.stringMatching(/web-1 on sandbox-1 was stopped/),
  });
  await succeeds(project.start('start', 'web', '--host', 'sandbox-1'));
  const interrupted = project.start('exec', '--new', '--', 'sh', '-c', 'echo begun; sleep 60');
  await interrupted.prints(/begun/);
  expect(await project.containers(1)).toHaveLength(2);
  interrupted.child.kill('SIGINT');
  expect((await interrupted.result).code).toBe(130);
  expect(await project.containers(1)).toHaveLength(1);
});

/** Runs a command on a terminal that is resized; prints its exit code and whether the terminal was restored. */
const terminal = `
import fcntl, json, os, pty, re, select, signal, struct, sys, termios, time
def size(fd, rows, columns): fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack('HHHH', rows, columns, 0, 0))
main, side = pty.openpty()
size(side, 30, 100)
before = termios.tcgetattr(side)
child = os.fork()
if child == 0:
    os.setsid(); fcntl.ioctl(side, termios.TIOCSCTTY, 0)
    for fd in (0, 1, 2): os.dup2(side, fd)
    os.close(main); os.execvp(sys.argv[1], sys.argv[1:])
seen = b''
def until(pattern):
    global seen
    end = time.time() + 60
    while not re.search(pattern, seen):
        if time.time() > end: sys.exit(json.dumps({'stuck': pattern.decode(), 'seen': seen.decode()}))
        if select.select([main], [], [], 0.1)[0]: seen += os.read(main, 65536)
until(rb'[#$] (\\x1b\\[\\d*[nJ])?$')
raw = termios.tcgetattr(side) != before
os.write(main, b'stty size\\n'); until(rb'30 100')
size(main, 43, 132)
os.write(main, b'until [ "$(stty size)" = "43 132" ]; do :; done; sh -c "echo foll\\'\\'owed; exec sleep 60"\\n')
# The foreground process prints this, so the interrupt reaches it and not the shell.
until(rb'followed')
os.write(main, b'\\x03')
os.write(main, b'exit 9\\n')
code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
print(json.dumps({'code': code, 'raw': raw, 'restored': termios.tcgetattr(side) == before}))
`;

test.each([
  ['in a container', ['exec', 'web', '-it', '--', 'sh']],
  ['on a host', ['ssh', 'web/1']],
])(
  'a shell %s gets the terminal size, follows a resize, and restores the terminal at exit',
  async (_, words) => {
    const project = await deployed();
    const binary = join(import.meta.dirname, '../../bin/oneclick');
    const argv = [process.execPath, binary, ...words];
    const env = {
      ...process.env,
      CI: '',
      XDG_STATE_HOME: stateFolder(),
      ONECLICK_ENV: `sandbox-${sandbox.name}`,
    };
    const { stdout } = await exec('python3', ['-c', terminal, ...argv], { cwd: project.folder, env });
    expect(JSON.parse(stdout)).toEqual({ code: 9, raw: true, restored: true });
  },
);

test('ssh uses the connection settings of the environment, including a bastion, and passes on the exit code', async () => {
  const address = sandbox.environment.hosts['sandbox-1']?.address ?? '';
  const bastion = { address, user: 'ops' };
  const environments = { through: sandbox.environmentOf([2, 3], { bastion }) };
  const project = await sandbox.newProject({ HOME: '/nonexistent' });
  await project.write({ web: {} }, { environments });
  expect(await project.run('ssh', 'sandbox-1', '--', 'echo "$USER"; exit 7')).toEqual({
    ...{ code: 7, stderr: '' },
    stdout: `${sandbox.environment.ssh.user}\n`,
  });
  const through = await project.run('ssh', 'web/1', '--env', 'through', '--', 'echo $SSH_CONNECTION');
  expect(through).toMatchObject({ code: 0, stdout: expect.stringMatching(new RegExp(`^${address} `)) });
  const withoutHost = await project.run('ssh');
  expect(withoutHost).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('sandbox-1, sandbox-2, sandbox-3'),
  });
});
