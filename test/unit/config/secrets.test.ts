import { describe, expect, it } from '@jest/globals';
import { type SecretStoreOptions, secretStore } from '../../../src/config/secrets.js';
import { commandsOf, failureOf, memoryFiles } from './context.js';

function placesOf(given: Partial<SecretStoreOptions>): SecretStoreOptions {
  return {
    environment: 'live',
    folder: '/project',
    sources: {},
    variables: {},
    files: memoryFiles({}),
    run: commandsOf({}).run,
    onFound: () => undefined,
    ...given,
  };
}

const file = memoryFiles({ '/project/.env.live': 'A=from-file\nB=from-file\nEMPTY=\n' });
const sources = { B: { command: ['op', 'read', 'b'] }, C: { command: ['op', 'read', 'c'], timeout: 1000 } };

describe('secrets', () => {
  it('come from the environment, else the file, else a command that runs once', async () => {
    const { run, ran } = commandsOf({ 'op read c': { stdout: 'from-command\n' } });
    const store = secretStore(placesOf({ variables: { A: 'from-variable' }, files: file, sources, run }));
    const [first] = await Promise.all([store.get(['A', 'B', 'C']), store.get(['C', 'C'])]);
    expect([...first]).toEqual([
      ['A', 'from-variable'],
      ['B', 'from-file'],
      ['C', 'from-command'],
    ]);
    expect(ran).toEqual([{ argv: ['op', 'read', 'c'], timeout: 1000 }]);
  });

  it('without a value are all reported with the sources tried, and no value is printed', async () => {
    const { run } = commandsOf({ 'op read c': { code: 1, stdout: 'hunter2', stderr: 'not signed in\n' } });
    const store = secretStore(placesOf({ variables: { A: 'hunter2', X: '' }, files: file, sources, run }));
    const failure = await failureOf(() => store.get(['A', 'C', 'X', 'EMPTY', 'constructor']));
    expect(failure).toMatchObject({
      kind: 'access',
      code: 'secret.missing',
      message: 'no value for secrets C, X, EMPTY, constructor',
      evidence: [
        'C: not in the environment, not in .env.live, op read c exited with code 1: not signed in',
        'X: empty in the environment, not in .env.live',
        'EMPTY: not in the environment, empty in .env.live',
        'constructor: not in the environment, not in .env.live',
      ],
    });
    expect(JSON.stringify(failure)).not.toContain('hunter2');
  });

  it('name their file as it is reached from the working folder', async () => {
    for (const [cwd, name] of [
      ['/', 'project/.env.live'],
      ['/project/src', '/project/.env.live'],
    ] as const) {
      const failure = await failureOf(() => secretStore(placesOf({ cwd, files: file })).get(['C']));
      expect(failure.evidence).toEqual([`C: not in the environment, not in ${name}`]);
    }
  });

  it('are reported one by one, so that found values are redacted even if another is missing', async () => {
    const found: string[] = [];
    const onFound = (name: string, value: string) => found.push(`${name}=${value}`);
    const store = secretStore(placesOf({ variables: { A: 'hunter2' }, files: file, onFound }));
    await failureOf(() => store.get(['A', 'MISSING', 'B']));
    expect(found.sort()).toEqual(['A=hunter2', 'B=from-file']);
  });

  it('have no value if the command cannot start or prints nothing', async () => {
    const { run } = commandsOf({ 'op read b': { stdout: '\n' } });
    const failure = await failureOf(() => secretStore(placesOf({ sources, run })).get(['B', 'C']));
    expect(failure.evidence).toEqual([
      'B: not in the environment, no file .env.live, op read b printed nothing',
      'C: not in the environment, no file .env.live, op read c: there is no op',
    ]);
  });

  it.each([
    ['one\n', 'one'],
    ['one\r\n', 'one'],
    ['one', 'one'],
    ['-----KEY-----\nabc\n\n', '-----KEY-----\nabc\n'],
  ])('from a command lose one line end: %j', async (stdout, value) => {
    const { run } = commandsOf({ 'op read c': { stdout } });
    expect((await secretStore(placesOf({ sources, run })).get(['C'])).get('C')).toBe(value);
  });

  it('in the file with variables cause a warning with their names only', async () => {
    const files = memoryFiles({
      '/project/.env.live': 'URL=postgres://me:${PASSWORD}@db\nPASSWORD=hunter2$b\nKEY=pa$$w0rd\n',
    });
    const store = secretStore(placesOf({ files, run: commandsOf({}).run }));
    expect(await store.warnings()).toEqual([
      '.env.live: variables in URL are not replaced, unlike in docker compose: write the values out, or put them in single quotes to keep the $',
    ]);
    expect((await store.get(['URL', 'KEY'])).get('KEY')).toBe('pa$$w0rd');
  });

  it.each([
    ['warns about a file that git does not ignore', { code: 1 }, 1],
    ['accepts a file that git ignores', { code: 0 }, 0],
    ['accepts a file outside a repository', { code: 128 }, 0],
  ])('%s', async (_, answer, count) => {
    const { run } = commandsOf({ 'git check-ignore --quiet -- .env.live': answer });
    expect(await secretStore(placesOf({ files: file, run })).warnings()).toHaveLength(count);
    expect(await secretStore(placesOf({ run })).warnings()).toEqual([]);
  });
});
