import { describe, expect, it } from '@jest/globals';
import { interpolate } from '../../../src/config/interpolate.js';
import { parseDuration, parseSize, splitCommand } from '../../../src/init/compose/units.js';
import { convertVariables, fillDefaults } from '../../../src/init/compose/variables.js';
import { readDockerfile, requestIn } from '../../../src/init/dockerfile.js';
import { registryOf, remoteIn } from '../../../src/init/git.js';
import { escapeDollars, looksSecret, nameFrom } from '../../../src/init/names.js';

describe('a variable of compose', () => {
  const translations = [
    ['${A}', '${A:-}'],
    ['$A-b', '${A:-}-b'],
    ['${A:-b}', '${A:-b}'],
    ['${A:?say it}', '${A}'],
    ['$$A costs 5$', '$$A costs 5$'],
  ];
  it.each(translations)('%s is written %s', (text, expected) => {
    expect(convertVariables(text)).toEqual({ text: expected, warnings: [] });
  });

  const changes = [
    ['${A-b}', '${A:-b}', 'the default also replaces an empty A'],
    ['${A:-${B:-c}}', '${A:-c}', 'the default of A is fixed: variables in defaults are not supported'],
    ['${A:+b}', '', '${A:+…} is not supported: write the value'],
  ];
  it.each(changes)('%s is written %j, and that is said', (text, expected, warning) => {
    expect(convertVariables(text)).toEqual({ text: expected, warnings: [warning] });
  });

  it('is replaced by its default where variables are not supported, with warnings', () => {
    expect(fillDefaults('${P:-80}:80 $$x').text).toBe('80:80 $x');
    expect(fillDefaults('a$P').warnings).toEqual([
      'P is not supported here and has no default: write the value',
    ]);
  });
});

describe('an escaped text', () => {
  it.each(['$', '$$', '${A}', '$A $${B}', 'a$$$b'])('%s is the same when variables are put in', (text) => {
    expect(interpolate(escapeDollars(text), {})).toBe(text);
  });

  it.each([
    ['@acme/Shop Front', 'acme-shop-front'],
    ['my_app.', 'my-app'],
    ['---', undefined],
  ])('%s becomes %s', (text, name) => {
    expect(nameFrom(text)).toBe(name);
  });
});

describe('a name', () => {
  const secret = [
    'API_KEY',
    'DB_PASSWORD',
    'SECRET_KEY_BASE',
    'github_token',
    'DATABASE_URL',
    'SENTRY_DSN',
    'PASSWORD2',
  ];
  it.each(secret)('%s looks like a secret', (name) => expect(looksSecret(name)).toBe(true));

  const plain = [
    'KEYBOARD',
    'TOKEN_TTL',
    'PASSWORD_FILE',
    'STRIPE_PUBLISHABLE_KEY',
    'VITE_API_KEY',
    'PORT',
    'MAX_TOKENS_PER_DAY',
  ];
  it.each(plain)('%s does not', (name) => expect(looksSecret(name)).toBe(false));

  it('does not if it is a boolean, and does with a password in a URL', () => {
    expect(looksSecret('MYSQL_ALLOW_EMPTY_PASSWORD', 'yes')).toBe(false);
    expect(looksSecret('BROKER', 'amqp://me:word@mq')).toBe(true);
  });
});

describe('a Dockerfile', () => {
  it('describes its last stage, with the base stage', () => {
    const text =
      'FROM a AS base\nEXPOSE 80 443\nFROM b AS builder\nEXPOSE 9000\nFROM base\nCOPY --from=builder /x /x\nCOPY a \\\n  b /\n';
    expect(readDockerfile(text)).toEqual({ port: { value: 80, line: 2, why: 'EXPOSE' }, copies: ['a', 'b'] });
  });

  it('without EXPOSE uses the port in its command', () => {
    const portOf = (line: string) => readDockerfile(`FROM x\n${line}`).port?.value;
    expect(portOf('CMD ["uvicorn", "app", "--port", "8001"]')).toBe(8001);
    expect(portOf('CMD gunicorn --bind=:8002 app')).toBe(8002);
    expect(portOf('EXPOSE 99999/tcp')).toBeUndefined();
  });

  it.each([
    ['curl -f http://localhost:3000/up?x=1 || exit 1', { port: 3000, path: '/up?x=1' }],
    ['wget -q -O - http://127.0.0.1', { port: 80, path: '/' }],
    ['curl http://localhost/up | grep OK', undefined],
    ['curl https://example.com/', undefined],
  ])('finds the request in %s', (command, request) => {
    expect(requestIn(command)).toEqual(request);
  });
});

describe('a git remote', () => {
  const remotes = [
    ['https://user:token@github.com/Acme/Shop.git', 'ghcr.io/acme/shop'],
    ['git@github.com:acme/shop.git', 'ghcr.io/acme/shop'],
    ['ssh://git@gitlab.com:22/a/b/c/', 'registry.gitlab.com/a/b/c'],
    ['https://git.example.com/acme/shop', undefined],
    ['/srv/git/shop.git', 'none'],
  ];
  it.each(remotes)('%s has its images at %s', (url, registry) => {
    const remote = remoteIn(`[remote "up"]\n\turl = x@y:z\n[remote "origin"]\n\turl = ${url}\n`);
    if (registry === 'none') expect(remote?.host).toBe('y');
    else expect(remote && registryOf(remote)).toBe(registry);
  });
});

describe('a compose unit', () => {
  it('parses durations, sizes and commands', () => {
    expect(['1m30s', '500ms', '10', 'x'].map(parseDuration)).toEqual([90_000, 500, undefined, undefined]);
    expect(['512M', '1gb', '1048576', '2GiB', 'x'].map(parseSize)).toEqual([
      512 * 2 ** 20,
      2 ** 30,
      2 ** 20,
      2 ** 31,
      undefined,
    ]);
    expect(splitCommand(`sh -c "a && 'b'" --save '' a\\ b`)).toEqual([
      'sh',
      '-c',
      "a && 'b'",
      '--save',
      '',
      'a b',
    ]);
    expect(splitCommand('"open')).toBeUndefined();
  });
});
