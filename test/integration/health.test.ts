import { afterAll, afterEach, beforeAll, expect, jest, test } from '@jest/globals';
import { openSandbox, type Sandbox, succeeds } from './harness.js';

jest.setTimeout(300_000);

let sandbox: Sandbox;

beforeAll(async () => {
  sandbox = await openSandbox('health');
});
afterEach(() => sandbox.clean());
afterAll(() => sandbox.down());

const everywhere = [['v1'], ['v1'], ['v1']];
const health = { path: '/up', interval: '100ms', timeout: '1s', deadline: '4s' };

/** Reads a request; answers 200 if it has the header WANTED, else with the status REFUSAL. */
const answer = String.raw`
request=
while read -r line; do
  line=$(printf %s "$line" | tr -d '\r')
  [ -n "$line" ] || break
  request="$request
$line"
done
if printf %s "$request" | grep -qixF "$WANTED"; then status='200 OK'; else status=$REFUSAL; fi
printf 'HTTP/1.1 %b\r\nConnection: close\r\nContent-Length: 0\r\n\r\n' "$status"
`;

/** A server that answers requests with this header only. */
const picky = (wanted: string, refusal: string) => ({
  env: { ANSWER: answer, WANTED: wanted, REFUSAL: refusal },
  docker: { Entrypoint: ['/bin/sh', '-c', 'exec nc -ll -p 8080 -e /bin/sh -c "$ANSWER"'] },
});

const runs = (script: string) => ({ docker: { Entrypoint: ['/bin/sh', '-c', script] } });

/** Deploys a service everywhere at once; returns its failure card. */
async function refused(service: object): Promise<string> {
  const project = await sandbox.newProject();
  await project.write({ web: { health, ...service } });
  const { code, stderr } = await project.run('deploy', '--batch', 'all');
  expect(code).toBe(6);
  expect(await project.served()).toEqual([[], [], []]);
  return stderr.replace(/\s+/g, ' ');
}

async function accepted(service: object): Promise<void> {
  const project = await sandbox.newProject();
  await project.write({ web: { health, ...service } });
  await succeeds(project.start('deploy', '--batch', 'all'));
  expect(await project.served()).toEqual(everywhere);
}

test('an application that answers to its own name only is named as such, and needs health.host', async () => {
  const shop = picky('Host: shop.example.com', '400 Bad Request');
  const card = await refused(shop);
  expect(card).toContain('HTTP 400');
  expect(card).toMatch(/this check sends localhost:\d+\), set health: { host: shop.example.com }/);
  await accepted({ ...shop, health: { ...health, host: 'shop.example.com' } });
});

test('a redirect to HTTPS is named as such, and an application that its proxy protects needs a header', async () => {
  const secure = picky(
    'X-Forwarded-Proto: https',
    String.raw`301 Moved Permanently\r\nLocation: https://shop.example.com/up`,
  );
  const card = await refused(secure);
  expect(card).toContain('HTTP 301, a redirect to https://shop.example.com/up');
  expect(card).toContain('headers: { X-Forwarded-Proto: https }');
  await accepted({ ...secure, health: { ...health, headers: { 'X-Forwarded-Proto': 'https' } } });
});

const serve = 'mkdir -p /tmp/www && echo up >/tmp/www/up && exec httpd -f -h /tmp/www -p';

test('an application that listens on 127.0.0.1, or on another port, is told to change that', async () => {
  const card = await refused(runs(`${serve} 127.0.0.1:8080`));
  expect(card).toContain('web listens on 127.0.0.1:8080; it must listen on 0.0.0.0');
  const { path: _, ...tcp } = health;
  const alone = await refused({ ...runs(`${serve} 127.0.0.1:8080`), health: tcp });
  expect(alone).toContain('web listens on 127.0.0.1:8080; it must listen on 0.0.0.0');
  const other = await refused(runs(`${serve} 3000`));
  expect(other).toMatch(/web listens on \S+:3000, not on port 8080/);
  expect(other).toContain('port: "80:3000"');
});

test('a port that is not published, and a command, can be checked', async () => {
  await accepted({ ...runs(`${serve} 8080 & ${serve} 9000`), health: { ...health, port: 9000 } });
  const { path: _, ...rest } = health;
  await accepted({ health: { ...rest, command: ['/bin/app', 'healthy'] } });
  const card = await refused({ health: { ...rest, command: ['/bin/sh', '-c', 'echo no database; exit 2'] } });
  expect(card).toContain('/bin/sh exited with code 2: no database');
});

test('an entrypoint with Windows line endings is named as such', async () => {
  const write = `printf '#!/bin/sh\\r\\nexec /bin/app\\r\\n' >/tmp/entry.sh && chmod 755 /tmp/entry.sh`;
  for (const machine of [1, 2, 3]) await sandbox.inside(machine, 'sh', '-c', write);
  const script = { volumes: ['/tmp/entry.sh:/entry.sh:ro'], docker: { Entrypoint: ['/entry.sh'] } };
  expect(await refused(script)).toContain('/entry.sh has Windows line endings (CRLF)');
});

test('the output of a failing HEALTHCHECK is shown', async () => {
  const Healthcheck = {
    ...{ Test: ['CMD-SHELL', 'echo cannot reach the database; exit 1'], Retries: 1 },
    ...{ Interval: 200_000_000, Timeout: 1_000_000_000 },
  };
  const { path: _, ...rest } = health;
  const card = await refused({ health: rest, docker: { Healthcheck } });
  expect(card).toContain('HEALTHCHECK reports unhealthy');
  expect(card).toContain('HEALTHCHECK: cannot reach the database');
});
