import { execFileSync } from 'node:child_process';
import { afterAll, afterEach, beforeAll, expect, jest, test } from '@jest/globals';
import { machines, type Sandbox, succeeds } from '../integration/harness.js';

jest.setTimeout(240_000);

let sandbox: Sandbox;

beforeAll(async () => {
  sandbox = await machines('strings', 1);
});
afterEach(() => sandbox.clean());
afterAll(() => sandbox.down());

/** Created if a shell interprets one of the strings. */
const marker = '/tmp/interpreted';

/** Strings that a shell, template, terminal or parser could interpret. */
const hostile: Readonly<Record<string, string>> = {
  EMPTY: '',
  QUOTES: `'"'"'\\"\\\\'`,
  NEWLINES: 'one\ntwo\r\n\nOTHER=three\n',
  SUBSTITUTION: `$(touch ${marker}) \`touch ${marker}\` ; touch ${marker} | touch ${marker} & $HOME $! $1`,
  TEMPLATE: '{{ rollout.release }} {{.Config}} %s %n <%= 1 %>',
  DASH: '-rf --privileged',
  ESCAPES: '\u001b[2J\u001b]0;owned\u0007\u009b31m',
  UNICODE: 'ẞ 漢字 🚢 \u202egnp.exe e\u0301 \ufeff',
  YAML: '!!js/function &a *a [ { : # - ? | > null ~ yes 0o17 1e3',
  LONG: 'x'.repeat(100_000),
};

/** Host and container paths. Configuration with a dollar sign in a path is refused. */
const volume = `/tmp/a 'b' \`touch ${marker}\`;-rf "c":/mnt/-rf 'ẞ' | x`;

/** Control characters other than newline and tab. */
const controls = /[^\P{Cc}\n\t]/u;

async function wasInterpreted(): Promise<boolean> {
  const onMachine = await sandbox.inside(1, 'sh', '-c', `test -e ${marker} && echo yes || echo no`);
  return (
    onMachine === 'yes' ||
    execFileSync('sh', ['-c', `test -e ${marker} && echo yes || echo no`], { encoding: 'utf8' }).trim() ===
      'yes'
  );
}

/** Inspects the running container. */
async function inspectContainer<T>(format: string): Promise<T> {
  const id = await sandbox.inside(1, 'docker', 'ps', '-q', '--filter', 'label=oneclick.service');
  return JSON.parse(await sandbox.inside(1, 'docker', 'inspect', '-f', `{{json ${format}}}`, id)) as T;
}

test('hostile values, labels, arguments and paths reach the container unchanged, also after a rollback', async () => {
  const project = await sandbox.newProject({ SECRET: hostile.SUBSTITUTION });
  const labels = Object.fromEntries(
    Object.entries(hostile).map(([name, value]) => [`x.${name} $(id)`, value]),
  );
  const { LONG: _, ...words } = hostile;
  const web = {
    env: hostile,
    secrets: ['SECRET'],
    command: ['web', ...Object.values(words)],
    volumes: [volume],
    docker: { Labels: labels },
  };
  await project.write({ web });
  const first = await succeeds(project.start('deploy'));
  await succeeds(project.start('deploy', 'web', '--tag', 'v2'));
  await sandbox.inside(
    1,
    'sh',
    '-c',
    `docker rm $(docker ps -aq --filter label=oneclick.release=1 --filter label=oneclick.project=${project.name})`,
  );
  await succeeds(project.start('rollback'));
  const env = await inspectContainer<readonly string[]>('.Config.Env');
  for (const [name, value] of Object.entries(hostile)) expect(env).toContain(`${name}=${value}`);
  expect(env).toContain(`SECRET=${hostile.SUBSTITUTION}`);
  expect(await inspectContainer('.Config.Labels')).toMatchObject(labels);
  expect(await inspectContainer('.Args')).toEqual(['web', ...Object.values(words)]);
  expect(await inspectContainer('.HostConfig.Binds')).toContain(volume);
  expect(await wasInterpreted()).toBe(false);
  expect(first.stdout + first.stderr).not.toMatch(controls);
});

test('control characters in container logs are not printed', async () => {
  const project = await sandbox.newProject();
  await project.write({ web: {} });
  await succeeds(project.start('deploy'));
  const line = String.raw`printf 'last \033[2J\033]0;owned\007\033P$q\033\\ \r\302\233words\b\b\n'; exit 3`;
  await project.write({ web: { docker: { Entrypoint: ['/bin/sh', '-c', line] } } });
  for (const flags of [[], ['--json']]) {
    const result = await project.run('deploy', 'web', '--tag', 'v2', ...flags);
    expect(result).toMatchObject({ code: 6 });
    const output = result.stdout + result.stderr;
    expect(output).toContain('words');
    expect(output).not.toMatch(controls);
  }
  expect(await project.serving(1)).toEqual(['v1']);
});

test('a commit message is never interpreted', async () => {
  const project = await sandbox.newProject();
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
  const result = await succeeds(project.start('deploy'));
  expect(result.stdout + result.stderr).not.toMatch(controls);
  expect(await project.serving(1)).toEqual(['v1']);
  expect(await wasInterpreted()).toBe(false);
});
