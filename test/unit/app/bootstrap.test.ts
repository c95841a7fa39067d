import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import {
  bootstrapNeed,
  commandText,
  runCommands,
  waitForEngine,
} from '../../../src/app/bootstrap/bootstrap.js';
import { lockScript, parseCloudInit, refusedLock } from '../../../src/app/bootstrap/busy.js';
import { BootstrapConnections } from '../../../src/app/bootstrap/connections.js';
import { installCommands } from '../../../src/app/bootstrap/install-commands.js';
import { parseMachine } from '../../../src/app/bootstrap/machine.js';
import { type HostJob, waitForCloudInit } from '../../../src/app/bootstrap/wait.js';
import { type Clock, timeOfDay } from '../../../src/domain/clock.js';
import { Failure } from '../../../src/domain/failure.js';
import type { Command } from '../../../src/host/host.js';
import { offlineAdapters } from '../../fakes/adapters.js';
import { InstantClock, MovableClock } from '../../fakes/clock.js';
import { testContext } from '../../fakes/context.js';
import { FakeHost } from '../../fakes/host.js';

const debian = `id debian
like
version 12
system Debian GNU/Linux 12 (bookworm)
user admin
uid 1000
groups admin sudo
has systemd
has root
`;
const { signal } = new AbortController();
const missing = new Failure('unreachable', 'engine.missing', 'Docker is not installed on web-1');

interface Answers {
  /** How often the engine fails. */
  readonly failures?: number;
  /** Exit codes by part of a command. */
  readonly codes?: Readonly<Record<string, number>>;
  /** Outputs of the scripts for cloud-init and for the locks, in order. */
  readonly cloudInit?: string[];
  readonly locks?: string[];
  /** Error outputs of the first commands. */
  readonly refusals?: string[];
}

function host(
  answer: string,
  { failures = 1, codes = {}, cloudInit = [], locks = [], refusals = [] }: Answers = {},
) {
  const clock = new MovableClock();
  const run: string[] = [];
  const answers = ({ argv }: Command) => {
    const script = argv.at(-2) === '-c' ? (argv.at(-1) ?? '') : '';
    if (script.includes('cloud-init status')) return { stdout: cloudInit.shift() ?? 'status: done\n' };
    if (script.includes('/proc/locks')) return { stdout: locks.shift() ?? '' };
    if (script !== '') return { stdout: answer };
    run.push(argv.join(' '));
    const stderr = refusals.shift() ?? '';
    if (stderr !== '') return { code: 100, stderr };
    const code = Object.entries(codes).find(([text]) => argv.join(' ').includes(text))?.[1] ?? 0;
    return { code, stderr: code === 0 ? '' : 'E: no such package\n' };
  };
  const made = new FakeHost('web-1', { clock, answers: [answers] });
  made.engine.faults.fail('version', missing, failures);
  return { made, run, clock };
}

describe('commands to install Docker', () => {
  const lines = (text: string) => installCommands('web-1', parseMachine('web-1', text)).map(commandText);

  it('install the packages of the system, start and enable Docker, and add the user to its group', () => {
    expect(lines(debian)).toEqual([
      'apt-get update',
      'env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=30 install -y docker.io',
      'systemctl enable --now docker',
      'usermod -aG docker admin',
    ]);
    const amazon = debian.replace('id debian', 'id amzn').replace('version 12', 'version 2');
    expect(lines(`${amazon}has amazon-linux-extras\n`)[0]).toBe('amazon-linux-extras install -y docker');
    expect(lines(amazon)[0]).toBe('yum install -y docker');
    expect(lines(amazon.replace('version 2', 'version 2023'))[0]).toBe('dnf install -y docker');
    const ubuntu = debian.replace('id debian', 'id pop').replace('like', 'like ubuntu debian');
    expect(lines(ubuntu)).toEqual(lines(debian));
  });

  it('install only what is missing', () => {
    expect(lines(debian.replace('has systemd\n', 'has dockerd\n'))).toEqual([
      'service docker start',
      'usermod -aG docker admin',
    ]);
    expect(lines(`${debian.replace('sudo', 'docker')}has dockerd\n`)).toEqual([
      'systemctl enable --now docker',
    ]);
    expect(lines(debian.replace('uid 1000', 'uid 0'))).not.toContain('usermod -aG docker admin');
  });

  it('fail for an unknown system, an empty answer or an unsafe user name', () => {
    expect(() => lines(debian.replace('id debian', 'id plan9'))).toThrow(
      expect.objectContaining({ code: 'bootstrap.system', hint: expect.stringContaining('https://') }),
    );
    for (const text of [
      '',
      debian.replace('user admin', 'user -G root'),
      debian.replace('admin', '$(reboot)'),
    ])
      expect(() => parseMachine('web-1', text)).toThrow(expect.objectContaining({ kind: 'failed' }));
  });
});

describe('the bootstrap need of a host', () => {
  it('is empty when the engine answers', async () => {
    const { made, run } = host(debian, { failures: 0 });
    expect(await bootstrapNeed(made, signal)).toEqual({ version: '28.0.0' });
    expect(run).toEqual([]);
  });

  it('is a Failure with the commands for root when the user cannot become root', async () => {
    const { made, run } = host(debian.replace('has root\n', ''));
    await expect(bootstrapNeed(made, signal)).rejects.toMatchObject({
      ...{ kind: 'access', code: 'bootstrap.root' },
      hint: expect.stringMatching(/^run as root on web-1: apt-get update && .* && usermod -aG docker admin$/),
    });
    expect(run).toEqual([]);
  });

  it('is unknown when the host is lost', async () => {
    const { made } = host(debian, { failures: 0 });
    made.engine.faults.fail('version', new Failure('unreachable', 'host.lost', 'lost'));
    await expect(bootstrapNeed(made, signal)).rejects.toMatchObject({ code: 'host.lost' });
  });
});

async function bare(made: FakeHost) {
  const need = await bootstrapNeed(made, signal);
  if ('version' in need) throw new Error('it has an engine');
  return need;
}

function jobOf(made: FakeHost, clock: Clock) {
  const messages: string[] = [];
  const job: HostJob = { host: made, clock, report: (text) => void messages.push(text), signal };
  return { messages, job };
}

describe('running the commands', () => {
  it('announces each line and uses sudo unless the user is root', async () => {
    for (const [text, sudo] of [
      [debian, 'sudo -n '],
      [debian.replace('uid 1000', 'uid 0'), ''],
    ] as const) {
      const { made, run, clock } = host(text);
      const need = await bare(made);
      const { messages, job } = jobOf(made, clock);
      await runCommands(job, need);
      const lines = need.commands.map(commandText);
      expect(messages).toEqual(lines.map((line) => `running ${line}`));
      expect(run).toEqual(lines.map((line) => sudo + line));
    }
  });

  it('stops at the first failing line and reports its output', async () => {
    const { made, run, clock } = host(debian, { codes: { install: 100 } });
    await expect(runCommands(jobOf(made, clock).job, await bare(made))).rejects.toMatchObject({
      ...{ code: 'bootstrap.line', message: expect.stringContaining('exit code 100') },
      evidence: ['E: no such package'],
    });
    expect(run).toHaveLength(2);
  });

  it('continues when the service command fails, and reports it if the engine stays down', async () => {
    const { made, run, clock } = host(debian.replace('has systemd\n', ''), { codes: { service: 2 } });
    const unstarted = await runCommands(jobOf(made, clock).job, await bare(made));
    expect(unstarted).toMatchObject({ message: '`service docker start` failed with exit code 2' });
    expect(run.at(-1)).toBe('sudo -n usermod -aG docker admin');
    made.engine.faults.fail('version', new Failure('unreachable', 'engine.down', 'it is down'), 200);
    const silent = expect(waitForEngine(made, clock, signal, unstarted)).rejects.toBe(unstarted);
    for (let times = 0; times < 121; times += 1) await clock.advance(500);
    await silent;
  });
});

describe('waiting for a started engine', () => {
  const down = new Failure('unreachable', 'engine.down', 'it does not answer');

  it('ends after a limit, or when access is denied', async () => {
    const { made, clock } = host(debian, { failures: 0 });
    made.engine.faults.fail('version', down);
    const answer = waitForEngine(made, clock, signal);
    await clock.advance(500);
    expect(await answer).toBe('28.0.0');
    const refused = new Failure('access', 'engine.access', 'admin has no permission to use Docker');
    made.engine.faults.fail('version', refused);
    await expect(waitForEngine(made, clock, signal)).rejects.toBe(refused);
    made.engine.faults.fail('version', down, 200);
    const silent = expect(waitForEngine(made, clock, signal)).rejects.toBe(down);
    for (let times = 0; times < 121; times += 1) await clock.advance(500);
    await silent;
  });
});

describe('a machine in its first minutes', () => {
  const booting = debian.replace('has root\n', 'has root\nhas cloud-init\n');
  const frontend = 'held /var/lib/dpkg/lock-frontend 812 unattended-upgr\n';
  const lists = 'held /var/lib/apt/lists/lock 815 apt-get\n';
  /** The time of day that many minutes after the start of the fake clock. */
  const minutesLater = (minutes: number) => timeOfDay(new Date(Date.UTC(2026, 0, 1, 0, minutes)));

  it('shows the waits of its bootstrap, with the current holder', async () => {
    const { made } = host(booting, { cloudInit: ['enabled\nstatus: running\n'], locks: [frontend] });
    expect(await bare(made)).toMatchObject({
      waits: [
        'wait up to 10 min for cloud-init to finish (still running)',
        'wait up to 10 min for the locks of apt and dpkg (unattended-upgr (PID 812) holds /var/lib/dpkg/lock-frontend)',
      ],
    });
    const { made: idle } = host(debian);
    expect((await bare(idle)).waits).toEqual(['wait up to 10 min for the locks of apt and dpkg']);
    const { made: started } = host(`${debian}has dockerd\n`);
    expect((await bare(started)).waits).toEqual([]);
  });

  it('is left alone until cloud-init has finished, with or without errors', async () => {
    const { made } = host(booting, {
      cloudInit: [
        'status: done\n',
        'enabled\nstatus: not started\n',
        'enabled\nstatus: running\n',
        'enabled\nstatus: error\n',
      ],
    });
    const { messages, job } = jobOf(made, new InstantClock());
    const { machine } = await bare(made);
    expect(await waitForCloudInit(job, machine)).toBe(true);
    expect(messages).toEqual([
      `waiting for cloud-init to finish (timeout ${minutesLater(10)})`,
      'cloud-init finished with errors; to see them: oneclick ssh web-1 -- cloud-init status --long',
    ]);
    expect(await waitForCloudInit(job, machine)).toBe(false);
  });

  it('is given up when cloud-init does not finish in time', async () => {
    const busy = Array<string>(400).fill('enabled\nstatus: running\n');
    const { made } = host(booting, { cloudInit: busy });
    const { job } = jobOf(made, new InstantClock());
    await expect(waitForCloudInit(job, (await bare(made)).machine)).rejects.toMatchObject({
      ...{ kind: 'failed', code: 'bootstrap.busy', host: 'web-1' },
      message: 'gave up after waiting 10 min for cloud-init to finish',
      hint: expect.stringContaining('oneclick ssh web-1 -- cloud-init status --long'),
    });
  });

  it('runs apt only when no lock is held, and names each holder once', async () => {
    const { made, run } = host(debian, { locks: ['', lists, lists, frontend, '', frontend, ''] });
    const { messages, job } = jobOf(made, new InstantClock());
    await runCommands(job, await bare(made));
    expect(messages.slice(0, 5)).toEqual([
      'running apt-get update',
      `waiting for apt: apt-get (PID 815) holds /var/lib/apt/lists/lock (timeout ${minutesLater(10)})`,
      `waiting for apt: unattended-upgr (PID 812) holds /var/lib/dpkg/lock-frontend (timeout ${minutesLater(10)})`,
      expect.stringMatching(/^running env .* install -y docker.io$/),
      `waiting for apt: unattended-upgr (PID 812) holds /var/lib/dpkg/lock-frontend (timeout ${timeOfDay(new Date(Date.UTC(2026, 0, 1, 0, 10, 6)))})`,
    ]);
    expect(run).toHaveLength(4);
  });

  it('runs a command again that lost a lock to another process', async () => {
    const refusal =
      'E: Could not get lock /var/lib/apt/lists/lock. It is held by process 815 (apt-get)\nE: Unable to lock directory /var/lib/apt/lists/\n';
    const { made, run } = host(debian, { refusals: [refusal] });
    const { messages, job } = jobOf(made, new InstantClock());
    await runCommands(job, await bare(made));
    expect(run.slice(0, 2)).toEqual(['sudo -n apt-get update', 'sudo -n apt-get update']);
    expect(messages[1]).toMatch(/^waiting for apt: apt-get \(PID 815\) holds/);
  });

  it('is given up when a lock stays held, with the holder and a command to look at it', async () => {
    const { made, run } = host(debian, { locks: Array<string>(400).fill(frontend) });
    const { job } = jobOf(made, new InstantClock());
    await expect(runCommands(job, await bare(made))).rejects.toMatchObject({
      code: 'bootstrap.busy',
      message:
        'gave up after waiting 10 min for apt: unattended-upgr (PID 812) holds /var/lib/dpkg/lock-frontend',
      hint: 'see what it is doing: oneclick ssh web-1 -- ps -fp 812; then run the command again',
    });
    expect(run).toEqual([]);
  });

  it('is reached once its SSH server answers', async () => {
    const clock = new InstantClock();
    const { made } = host(debian, { failures: 0 });
    const refused = new Failure('unreachable', 'host.unreachable', 'refused', { host: 'web-1' });
    let tries = 0;
    const adapters = {
      ...offlineAdapters,
      connect: async () => {
        tries += 1;
        const isUp = tries > 2;
        const connected = new Map(isUp ? [['web-1', made]] : []);
        return { connected, failures: isUp ? [] : [refused], close: async () => undefined };
      },
    };
    const addresses = [{ name: 'web-1', address: 'web-1', hostKeys: 'known' as const }];
    const notes: string[] = [];
    const connect = () => new BootstrapConnections(testContext({ clock, adapters }), addresses);
    const report = (name: string, text: string) => void notes.push(`${name}: ${text}`);
    const needs = await connect().needs(signal, report);
    expect(needs).toEqual([{ host: 'web-1', found: { version: '28.0.0' } }]);
    expect(notes).toEqual([`web-1: waiting for SSH (timeout ${minutesLater(2)})`]);
    tries = 0;
    expect(await connect().needs(signal)).toEqual([{ host: 'web-1', found: refused }]);
    tries = -1000;
    expect(await connect().needs(signal, report)).toEqual([{ host: 'web-1', found: refused }]);
  });
});

describe('the states of a machine', () => {
  it('are those that any version of cloud-init prints', () => {
    expect(parseCloudInit('')).toBe('done');
    expect(parseCloudInit('status: disabled\n')).toBe('done');
    expect(parseCloudInit('enabled\nstatus: done\n')).toBe('done');
    expect(parseCloudInit('status: not run\n')).toBe('done');
    expect(parseCloudInit('enabled\nstatus: not run\n')).toBe('busy');
    expect(parseCloudInit('enabled\n\nstatus: degraded running\n')).toBe('busy');
    expect(parseCloudInit('enabled\nstatus: degraded done\n')).toBe('error');
  });

  it('include a refused lock in any language, but no other failure of apt', () => {
    const machine = parseMachine('web-1', debian);
    const of = (stderr: string) => refusedLock(machine, stderr);
    expect(
      of('E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 812 (unattended-upgr)'),
    ).toEqual({
      what: 'apt: unattended-upgr (PID 812) holds /var/lib/dpkg/lock-frontend',
      look: ['ps', '-fp', '812'],
    });
    expect(
      of(
        'E: Konnte Sperre /var/lib/apt/lists/lock nicht bekommen - open (11: Resource temporarily unavailable)',
      ),
    ).toEqual({
      what: 'apt: another process holds /var/lib/apt/lists/lock',
      look: ['sudo', 'lslocks'],
    });
    expect(of('E: Could not open lock file /var/lib/dpkg/lock-frontend - open (13: Permission denied)')).toBe(
      undefined,
    );
    expect(of('E: Unable to locate package docker.io')).toBe(undefined);
  });

  it('include the process that holds a lock, without fuser or lsof', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'locks-'));
    const lock = join(folder, 'lock');
    await writeFile(lock, '');
    const found = () => execFileSync('sh', ['-c', lockScript([join(folder, 'none'), lock])]).toString();
    // Holds a lock as apt does, until its input ends.
    const hold =
      'use Fcntl; open(F, "+>", shift); my $l = pack("s s x4 q q l x4", F_WRLCK, 0, 0, 0, 0); fcntl(F, F_SETLK, $l) or die; $| = 1; print "held"; <STDIN>';
    const holder = spawn('perl', ['-e', hold, lock], { stdio: ['pipe', 'pipe', 'inherit'] });
    try {
      await once(holder.stdout, 'data');
      expect(found()).toBe(`held ${lock} ${holder.pid} perl\n`);
      holder.stdin.end();
      await once(holder, 'exit');
      expect(found()).toBe('');
    } finally {
      holder.kill();
      await rm(folder, { recursive: true });
    }
  });
});
