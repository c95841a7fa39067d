import { spawn } from 'node:child_process';
import { mkdir, readdir, readFile, readlink, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, jest, test } from '@jest/globals';
import { openSandbox, type Sandbox, succeeds } from './harness.js';

jest.setTimeout(300_000);

let sandbox: Sandbox;

beforeAll(async () => {
  sandbox = await openSandbox('secret');
});
afterEach(() => sandbox.clean());
afterAll(() => sandbox.down());

/**
 * Searches command lines and environments of all processes of a machine, except in containers, until its input ends. The
 * first input line is the text to find. Prints findings, the number of samples, and whether a lease holder was seen.
 */
const sampler = `
use Fcntl; my $planted = <STDIN>; chomp $planted; my ($samples, $lease) = (0, 0);
my $own = readlink '/proc/1/ns/pid';
fcntl(STDIN, F_SETFL, O_NONBLOCK);
sub text { my $file; open($file, '<', $_[0]) or return ''; local $/; my $text = <$file>; defined $text ? $text : '' }
for (;;) {
  for my $process (glob '/proc/[0-9]*') {
    my $space = readlink "$process/ns/pid";
    next unless defined $space && $space eq $own;
    my $line = text("$process/cmdline");
    $lease = 1 if index($line, 'oneclick-lease') >= 0;
    print "found: $process $line\\n" if index($line, $planted) >= 0;
    print "found: $process environment of $line\\n" if index(text("$process/environ"), $planted) >= 0;
  }
  $samples++;
  my $read = sysread(STDIN, my $byte, 1);
  last if defined $read && $read == 0;
  select(undef, undef, undef, 0.01);
}
print "samples $samples lease $lease\\n";
`;

/** Starts sampling a machine; returns a function that stops it and returns its output. */
async function startSampling(machine: number, secret: string): Promise<() => Promise<string>> {
  const child = spawn('docker', ['exec', '-i', sandbox.container(machine), 'perl', '-e', sampler]);
  let printed = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      printed += text;
    });
  child.stdin.write(`${secret}\n`);
  const ended = new Promise((resolve) => child.on('close', resolve));
  return async () => {
    child.stdin.end();
    await ended;
    return printed;
  };
}

/** Samples the processes of this machine until a promise settles. */
async function sampleHere(secret: string, until: Promise<unknown>) {
  const namespace = await readlink('/proc/self/ns/pid');
  let [running, samples] = [true, 0];
  const found = new Set<string>();
  void until.finally(() => {
    running = false;
  });
  const text = (file: string) => readFile(file, 'utf8').catch(() => '');
  while (running) {
    for (const process of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
      if ((await readlink(`/proc/${process}/ns/pid`).catch(() => '')) !== namespace) continue;
      const line = await text(`/proc/${process}/cmdline`);
      if (line.includes(secret)) found.add(`${process} ${line}`);
      if ((await text(`/proc/${process}/environ`)).includes(secret)) found.add(`${process} environ ${line}`);
    }
    samples += 1;
  }
  return { samples, found: [...found] };
}

test('during a deploy no local or remote process has a secret in its arguments or environment', async () => {
  const secret = 'Zq8-planted-in-a-file-4711';
  const project = await sandbox.newProject();
  const release_command = 'migrate';
  await project.write({ web: { secrets: ['DATABASE_URL'], release_command } });
  await writeFile(join(project.folder, '.gitignore'), '.env.*\n');
  await writeFile(join(project.folder, `.env.sandbox-${sandbox.name}`), `DATABASE_URL=${secret}\n`);
  const samplers = await Promise.all([1, 2, 3].map((machine) => startSampling(machine, secret)));
  const running = project.start('deploy');
  const local = await sampleHere(secret, running.result);
  const remote = await Promise.all(samplers.map((end) => end()));
  await succeeds(running);
  const container = await sandbox.inside(1, 'docker', 'ps', '-q', '--filter', `publish=${project.port}`);
  expect(await sandbox.inside(1, 'docker', 'inspect', '-f', '{{json .Config.Env}}', container)).toContain(
    secret,
  );
  expect(local.found).toEqual([]);
  expect(local.samples).toBeGreaterThan(3);
  for (const printed of remote) {
    expect(printed).not.toContain('found');
    expect(printed).toMatch(/^samples \d\d+ lease 1$/m);
  }
});

test('a clone without values rolls back and restarts, and its journals have no secret of the containers', async () => {
  const secret = 'Zq8-known-to-containers-only-4711';
  const project = await sandbox.newProject();
  const env = join(project.folder, `.env.sandbox-${sandbox.name}`);
  const runs = join(project.folder, '.oneclick/runs');
  const write = (tag: string) =>
    project.write({ web: { image: sandbox.image(tag), secrets: ['DATABASE_URL'] } });
  await writeFile(join(project.folder, '.gitignore'), '.env.*\n');
  await writeFile(env, `DATABASE_URL=${secret}\n`);
  for (const tag of ['v1', 'v2']) {
    await write(tag);
    await succeeds(project.start('deploy'));
  }
  await rm(env);
  await succeeds(project.start('restart'));
  await succeeds(project.start('rollback'));
  expect(await project.served()).toEqual([['v1'], ['v1'], ['v1']]);
  await write('v3');
  const refused = await project.run('deploy', '--yes');
  expect(refused).toMatchObject({
    code: 4,
    stderr: expect.stringContaining('no value for secret DATABASE_URL'),
  });
  expect(await project.served()).toEqual([['v1'], ['v1'], ['v1']]);
  await mkdir(join(project.folder, '.oneclick/recipes'));
  const leak = 'docker ps -q | xargs docker inspect | grep DATABASE_URL=';
  await writeFile(
    join(project.folder, '.oneclick/recipes/leak.yml'),
    `summary: Leak\nsteps:\n  - remote: ${leak}\n`,
  );
  const leaked = await succeeds(project.start('run', 'leak', '--yes'));
  expect(leaked.stdout + leaked.stderr).not.toContain(secret);
  const journals = (await readdir(runs)).filter((name) => name.endsWith('.jsonl'));
  const texts = await Promise.all(journals.map((name) => readFile(join(runs, name), 'utf8')));
  expect(texts.join('')).toContain('DATABASE_URL=***');
  expect(texts.join('')).not.toContain(secret);
  expect(await readFile(join(runs, '.gitignore'), 'utf8')).toBe('*\n');
});
