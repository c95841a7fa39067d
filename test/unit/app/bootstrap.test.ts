import { describe, expect, it } from '@jest/globals';
import {
  bootstrapNeed,
  commandText,
  runCommands,
  waitForEngine,
} from '../../../src/app/bootstrap/bootstrap.js';
import { installCommands } from '../../../src/app/bootstrap/install-commands.js';
import { parseMachine } from '../../../src/app/bootstrap/machine.js';
import { Failure } from '../../../src/domain/failure.js';
import type { Command } from '../../../src/host/host.js';
import { MovableClock } from '../../fakes/clock.js';
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

/** A host whose engine fails `failures` times; its commands exit with `codes`. */
function host(answer: string, { failures = 1, codes = {} as Readonly<Record<string, number>> } = {}) {
  const clock = new MovableClock();
  const run: string[] = [];
  const answers = ({ argv }: Command) => {
    if (argv[0] === 'sh') return { stdout: answer };
    run.push(argv.join(' '));
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
      'env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install -y docker.io',
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

describe('running the commands', () => {
  it('announces each line and uses sudo unless the user is root', async () => {
    for (const [text, sudo] of [
      [debian, 'sudo -n '],
      [debian.replace('uid 1000', 'uid 0'), ''],
    ] as const) {
      const { made, run } = host(text);
      const need = await bare(made);
      const messages: string[] = [];
      await runCommands(made, need, (line) => messages.push(line), signal);
      expect(messages).toEqual(need.commands.map(commandText));
      expect(run).toEqual(messages.map((line) => sudo + line));
    }
  });

  it('stops at the first failing line and reports its output', async () => {
    const { made, run } = host(debian, { codes: { install: 100 } });
    await expect(runCommands(made, await bare(made), () => undefined, signal)).rejects.toMatchObject({
      ...{ code: 'bootstrap.line', message: expect.stringContaining('exit code 100') },
      evidence: ['E: no such package'],
    });
    expect(run).toHaveLength(2);
  });

  it('continues when the service command fails, and reports it if the engine stays down', async () => {
    const { made, run, clock } = host(debian.replace('has systemd\n', ''), { codes: { service: 2 } });
    const unstarted = await runCommands(made, await bare(made), () => undefined, signal);
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
