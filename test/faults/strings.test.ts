import { execFileSync } from 'node:child_process';
import { afterAll, afterEach, beforeAll, expect, jest, test } from '@jest/globals';
import { finished, type Machines, machines } from '../integration/harness.js';

jest.setTimeout(240_000);

let field: Machines;

beforeAll(async () => {
  field = await machines('strings', 1);
});
afterEach(() => field.clean());
afterAll(() => field.down());

/** Where a string is taken for a line of shell, it leaves this file. */
const trap = '/tmp/interpreted';

/** A shell, a template, a terminal or a parser would each do something with one of these. */
const hostile: Readonly<Record<string, string>> = {
  EMPTY: '',
  QUOTES: `'"'"'\\"\\\\'`,
  NEWLINES: 'one\ntwo\r\n\nOTHER=three\n',
  SUBSTITUTION: `$(touch ${trap}) \`touch ${trap}\` ; touch ${trap} | touch ${trap} & $HOME $! $1`,
  TEMPLATE: '{{ rollout.release }} {{.Config}} %s %n <%= 1 %>',
  DASH: '-rf --privileged',
  ESCAPES: '\u001b[2J\u001b]0;owned\u0007\u009b31m',
  UNICODE: 'ẞ 漢字 🚢 \u202egnp.exe e\u0301 \ufeff',
  YAML: '!!js/function &a *a [ { : # - ? | > null ~ yes 0o17 1e3',
  LONG: 'x'.repeat(100_000),
};

/** On the host, and in the container. A path with a dollar sign is refused when the file is read. */
const folders = `/tmp/a 'b' \`touch ${trap}\`;-rf "c":/mnt/-rf 'ẞ' | x`;

/** Nothing but lines, blanks and what can be seen. */
const controls = /[^\P{Cc}\n\t]/u;

async function interpreted(): Promise<boolean> {
  const there = await field.inside(1, 'sh', '-c', `test -e ${trap} && echo yes || echo no`);
  return (
    there === 'yes' ||
    execFileSync('sh', ['-c', `test -e ${trap} && echo yes || echo no`], { encoding: 'utf8' }).trim() ===
      'yes'
  );
}

/** What the engine has of the container that runs. */
async function inspected<T>(format: string): Promise<T> {
  const id = await field.inside(1, 'docker', 'ps', '-q', '--filter', 'label=oneclick.service');
  return JSON.parse(await field.inside(1, 'docker', 'inspect', '-f', `{{json ${format}}}`, id)) as T;
}

test('hostile values, labels, words and paths reach the container as they were written, through a rollback too', async () => {
  const project = await field.project({ SECRET: hostile.SUBSTITUTION });
  const labels = Object.fromEntries(
    Object.entries(hostile).map(([name, value]) => [`x.${name} $(id)`, value]),
  );
  const { LONG: _, ...words } = hostile;
  const web = {
    env: hostile,
    secrets: ['SECRET'],
    command: ['web', ...Object.values(words)],
    volumes: [folders],
    docker: { Labels: labels },
  };
  await project.write({ web });
  const first = await finished(project.start('deploy'));
  await finished(project.start('deploy', 'web', '--tag', 'v2'));
  await field.inside(
    1,
    'sh',
    '-c',
    `docker rm $(docker ps -aq --filter label=oneclick.release=1 --filter label=oneclick.project=${project.name})`,
  );
  await finished(project.start('rollback'));
  const env = await inspected<readonly string[]>('.Config.Env');
  for (const [name, value] of Object.entries(hostile)) expect(env).toContain(`${name}=${value}`);
  expect(env).toContain(`SECRET=${hostile.SUBSTITUTION}`);
  expect(await inspected('.Config.Labels')).toMatchObject(labels);
  expect(await inspected('.Args')).toEqual(['web', ...Object.values(words)]);
  expect(await inspected('.HostConfig.Binds')).toContain(folders);
  expect(await interpreted()).toBe(false);
  expect(first.stdout + first.stderr).not.toMatch(controls);
});

test('what a container logs is shown without what a terminal would obey', async () => {
  const project = await field.project();
  await project.write({ web: {} });
  await finished(project.start('deploy'));
  const line = String.raw`printf 'last \033[2J\033]0;owned\007\033P$q\033\\ \r\302\233words\b\b\n'; exit 3`;
  await project.write({ web: { docker: { Entrypoint: ['/bin/sh', '-c', line] } } });
  for (const flags of [[], ['--json']]) {
    const answer = await project.run('deploy', 'web', '--tag', 'v2', ...flags);
    expect(answer).toMatchObject({ code: 6 });
    const told = answer.stdout + answer.stderr;
    expect(told).toContain('words');
    expect(told).not.toMatch(controls);
  }
  expect(await project.serving(1)).toEqual(['v1']);
});

test('a commit message is never interpreted', async () => {
  const project = await field.project();
  const git = (...argv: readonly string[]) =>
    execFileSync('git', ['-c', 'user.name=$(id)', '-c', 'user.email=`id`@x', ...argv], {
      cwd: project.folder,
      stdio: 'pipe',
    });
  await project.write({ web: {} });
  git('init', '-q');
  git('add', '.');
  git(
    'commit',
    '-q',
    '-m',
    `-m "${hostile.SUBSTITUTION}" ${hostile.ESCAPES}${hostile.QUOTES}\n\n${hostile.NEWLINES}`,
  );
  const answer = await finished(project.start('deploy'));
  expect(answer.stdout + answer.stderr).not.toMatch(controls);
  expect(await project.serving(1)).toEqual(['v1']);
  expect(await interpreted()).toBe(false);
});
