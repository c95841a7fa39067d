import { spawn } from 'node:child_process';
import { readdir, readFile, readlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, jest, test } from '@jest/globals';
import { finished, type Machines, machines } from './harness.js';

jest.setTimeout(300_000);

let field: Machines;

beforeAll(async () => {
  field = await machines('secret');
});
afterEach(() => field.clean());
afterAll(() => field.down());

/**
 * Reads the command lines and environments of all processes of a machine, those inside of its containers left out,
 * again and again until its standard input ends; what it looks for is the first line there, not in its own arguments.
 * Prints where it found that, and `lease` and `samples` with what else it has seen.
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

/** Starts sampling a machine; what is given back ends it and tells what it printed. */
async function sample(machine: number, planted: string): Promise<() => Promise<string>> {
  const child = spawn('docker', ['exec', '-i', field.container(machine), 'perl', '-e', sampler]);
  let printed = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      printed += text;
    });
  child.stdin.write(`${planted}\n`);
  const ended = new Promise((resolve) => child.on('close', resolve));
  return async () => {
    child.stdin.end();
    await ended;
    return printed;
  };
}

/** The same on this machine, for processes that the kernel shows as ours: what they are called with, and their environment. */
async function sampleHere(planted: string, until: Promise<unknown>) {
  const own = await readlink('/proc/self/ns/pid');
  let [going, samples] = [true, 0];
  const found = new Set<string>();
  void until.finally(() => {
    going = false;
  });
  const text = (file: string) => readFile(file, 'utf8').catch(() => '');
  while (going) {
    for (const process of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
      if ((await readlink(`/proc/${process}/ns/pid`).catch(() => '')) !== own) continue;
      const line = await text(`/proc/${process}/cmdline`);
      if (line.includes(planted)) found.add(`${process} ${line}`);
      if ((await text(`/proc/${process}/environ`)).includes(planted)) found.add(`${process} environ ${line}`);
    }
    samples += 1;
  }
  return { samples, found: [...found] };
}

test('while a secret is deployed no process here or there is called with it or has it in its environment', async () => {
  const planted = 'Zq8-planted-in-a-file-4711';
  const project = await field.project();
  const release_command = 'migrate';
  await project.write({ web: { secrets: ['DATABASE_URL'], release_command } });
  await writeFile(join(project.folder, '.gitignore'), '.env.*\n');
  await writeFile(join(project.folder, `.env.sandbox-${field.sandbox}`), `DATABASE_URL=${planted}\n`);
  const there = await Promise.all([1, 2, 3].map((machine) => sample(machine, planted)));
  const running = project.start('deploy');
  const here = await sampleHere(planted, running.answer);
  const seen = await Promise.all(there.map((end) => end()));
  await finished(running);
  const container = await field.inside(1, 'docker', 'ps', '-q', '--filter', `publish=${project.port}`);
  expect(await field.inside(1, 'docker', 'inspect', '-f', '{{json .Config.Env}}', container)).toContain(
    planted,
  );
  expect(here.found).toEqual([]);
  expect(here.samples).toBeGreaterThan(3);
  for (const printed of seen) {
    expect(printed).not.toContain('found');
    expect(printed).toMatch(/^samples \d\d+ lease 1$/m);
  }
});
