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
