import { beforeEach, describe, expect, it } from '@jest/globals';
import { Failure } from '../../../src/domain/failure.js';
import type { Behaviour } from '../../fakes/engine.js';
import { at, Fleet, serviceOn } from './fleet.js';

const web = serviceOn('web', 8080, { count: 1 });
const { path: _, ...pathless } = web.health;
let fleet: Fleet;

beforeEach(() => {
  fleet = new Fleet(1);
});

async function failureOf(behaviour: Behaviour, service = web) {
  fleet.push('web', 'x', behaviour);
  const { exitCode, failures } = await fleet.deploy(at(service, 'x'));
  expect(exitCode).toBe(6);
  const { message = '', hint = '', evidence = [] } = failures[0] ?? {};
  return { message, hint, evidence };
}

/** As in `/proc/net/tcp`. */
const local = (port: number) => `0100007F:${port.toString(16).toUpperCase().padStart(4, '0')}`;
const everywhere = (port: number) => local(port).replace('0100007F', '00000000');
const refused = { answers: 'refused' } as const;

describe('a container that nothing answers from', () => {
  it('listens on 127.0.0.1', async () => {
    const { message, hint, evidence } = await failureOf({
      ...refused,
      sockets: [local(80), '0B00007F:9999'],
    });
    expect(message).toBe('not healthy within 1 s: web listens on 127.0.0.1:80; it must listen on 0.0.0.0');
    expect(hint).toContain('make it listen on 0.0.0.0:80');
    expect(evidence[0]).toBe('nothing listens on port 8080');
  });

  it('listens on another port', async () => {
    const { message, hint } = await failureOf({ ...refused, sockets: [everywhere(3000)] });
    expect(message).toBe('not healthy within 1 s: web listens on 0.0.0.0:3000, not on port 80');
    expect(hint).toContain('port: "80:3000"');
    const admin = { ...web, health: { ...web.health, port: 9000 } };
    const checked = await failureOf({ inside: {}, sockets: [everywhere(3000)] }, admin);
    expect(checked.hint).toContain('health: { port: 3000 }');
  });

  it('listens on no port at all', async () => {
    const { message, hint } = await failureOf({ ...refused, sockets: [] });
    expect(message).toBe('not healthy within 1 s: web does not listen on any port, and is expected on 80');
    expect(hint).toContain('deadline');
  });

  it('keeps the failure as it is if it listens as expected, or if the host does not tell', async () => {
    const plain = 'not healthy within 1 s: nothing listens on port 8080';
    expect((await failureOf({ ...refused, sockets: [everywhere(80), local(9000)] })).message).toBe(plain);
    expect((await failureOf(refused)).message).toBe(plain);
    const { faults } = fleet.host('host-1').engine;
    faults.fail('processOf', new Failure('failed', 'engine.refused', 'no'), 2);
    expect((await failureOf({ ...refused, sockets: [] })).message).toBe(plain);
  });

  it('is not looked at if it answers', async () => {
    await failureOf({ answers: 500, sockets: [local(80)] });
    const commands = fleet.host('host-1').faults.calls.filter(({ call }) => call === 'run');
    expect(JSON.stringify(commands)).not.toContain('/proc/1');
  });
});

describe('a container whose HEALTHCHECK fails', () => {
  it('is shown with the output of the check', async () => {
    const service = { ...web, health: pathless };
    const output = 'connecting\n/bin/sh: curl: not found\n';
    expect((await failureOf({ health: 'unhealthy', healthOutput: output }, service)).evidence).toEqual([
      'HEALTHCHECK reports unhealthy',
      'HEALTHCHECK exited with code 1',
      'HEALTHCHECK: connecting',
      'HEALTHCHECK: /bin/sh: curl: not found',
    ]);
  });
});

describe('a container that exited', () => {
  it.each([
    [126, 'its command cannot be executed'],
    [127, 'a command was not found'],
    [137, 'it was killed (SIGKILL)'],
    [139, 'it crashed (segmentation fault)'],
  ])('with code %i', async (code, cause) => {
    expect((await failureOf({ exits: { code } })).message).toBe(
      `the container exited with code ${code}: ${cause}`,
    );
  });

  const start = (error: string) => ({ exits: { code: 1 }, logs: [error] });
  const noFile = 'standard_init_linux.go:228: exec user process caused: no such file or directory';

  it('because its entrypoint has Windows line endings', async () => {
    const program = { path: '/entry.sh', data: '#!/bin/sh\r\nexec app\r\n' };
    for (const error of [noFile, 'exec /entry.sh: no such file or directory']) {
      const { message, hint } = await failureOf({ ...start(error), program });
      expect(message).toBe('the container exited with code 1: /entry.sh has Windows line endings (CRLF)');
      expect(hint).toContain('.gitattributes');
    }
  });

  it('because its interpreter is not in the image, or the file cannot be read', async () => {
    const program = { path: '/entry.sh', data: '#!/bin/bash -e\n' };
    expect((await failureOf({ ...start(noFile), program })).message).toContain(
      ': /bin/bash, which /entry.sh names in its first line, is not in the image',
    );
    expect(await failureOf(start(noFile))).toMatchObject({
      message: 'the container exited with code 1: its entrypoint or its interpreter was not found',
      hint: expect.stringContaining('CRLF'),
    });
  });

  it('because its image is for another platform', async () => {
    const { message, hint } = await failureOf(start('exec /bin/app: exec format error'));
    expect(message).toContain('is built for another platform, and the host is linux/amd64');
    expect(hint).toContain('--platform linux/amd64');
  });

  it('because its entrypoint may not be executed', async () => {
    expect((await failureOf(start('exec /entry.sh: permission denied'))).hint).toContain('chmod +x');
  });

  it('for a reason of its own, in a log line that names a file', async () => {
    for (const line of [
      'open config.yml: no such file or directory',
      'fork/exec /usr/bin/ffmpeg: no such file or directory',
      'worker: exec /bin/job: permission denied',
    ])
      expect((await failureOf(start(line))).message).toBe('the container exited with code 1');
  });
});
