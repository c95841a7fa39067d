import { afterAll, afterEach, beforeAll, describe, expect, jest } from '@jest/globals';
import { openSandbox, type Sandbox, succeeds } from '../integration/harness.js';
import { expectServes, testFaults } from './engine-rows.js';

jest.setTimeout(240_000);

let sandbox: Sandbox;

beforeAll(async () => {
  sandbox = await openSandbox('containers', 1);
});
afterEach(() => sandbox.clean());
afterAll(() => sandbox.down());

/** A fault built into the sample application. */
const brokenBy = (how: string) => ({ env: { BROKEN: how } });
/** Runs a shell script instead of the sample application. */
const runScript = (line: string) => ({ docker: { Entrypoint: ['/bin/sh', '-c', line] } });

describe('a new container that', () => {
  testFaults(
    () => sandbox,
    [
      {
        title: 'exits at once is undone; its exit code and last log lines are shown',
        change: brokenBy('exit'),
        code: 6,
        serves: 'v1',
        prints: ['sandbox-1', 'exit code 3', 'cannot go on: told to exit'],
      },
      {
        title: 'exits during the wait for health is undone; its exit code and last log lines are shown',
        change: runScript('sleep 1; echo too late; exit 7'),
        code: 6,
        serves: 'v1',
        prints: ['sandbox-1', 'exit code 7', 'too late'],
      },
      {
        title: 'has no port and exits after 3 s is not considered healthy',
        change: { ...brokenBy('exit-late'), health: { settle: '4s', deadline: '8s' }, port: null },
        code: 6,
        serves: 'v1',
        prints: ['sandbox-1', 'exit code 3', 'told to exit late'],
      },
      {
        title: 'never answers is undone at its deadline',
        change: brokenBy('never'),
        code: 6,
        serves: 'v1',
        prints: ['sandbox-1', 'not healthy within 4 s', /no answer|did not respond/],
      },
      {
        title: 'answers 500 is undone; the response is shown',
        change: brokenBy('500'),
        code: 6,
        serves: 'v1',
        prints: ['sandbox-1', 'not healthy within 4 s', 'HTTP 500'],
      },
      {
        title: 'answers too slowly is undone at its deadline',
        change: { env: { BROKEN: 'slow', SLOW: '3' } },
        code: 6,
        serves: 'v1',
        prints: ['sandbox-1', 'not healthy within 4 s', /no answer|did not respond/],
      },
      {
        title: 'answers slowly, but in time, becomes healthy',
        change: { env: { BROKEN: 'slow', SLOW: '0.5' } },
        code: 0,
        serves: 'v2',
      },
      {
        title: 'exceeds its memory limit is undone, and the report names the limit',
        change: { ...runScript('tail /dev/zero'), memory: '16m' },
        code: 6,
        serves: 'v1',
        prints: ['sandbox-1', /out of memory/i, 'exit code 137', /memory:/],
      },
    ],
  );
});

describe('an old container that', () => {
  testFaults(
    () => sandbox,
    [
      {
        title: 'ignores TERM is killed after its stop timeout, and the new container serves',
        service: brokenBy('ignore-term'),
        code: 0,
        serves: 'v2',
        check: async (project) => {
          const states = await sandbox.inside(
            1,
            ...['docker', 'ps', '-a', '--filter', `label=oneclick.project=${project.name}`],
            ...['--format', '{{.Status}}'],
          );
          expect(states).toContain('Exited (137)');
        },
      },
    ],
  );
});

describe('when another user', () => {
  testFaults(
    () => sandbox,
    [
      {
        title:
          'takes the port before the swap, their container is not touched, and the report names the port',
        inject: {
          step: 'container.start',
          line: ({ port }) => `docker run -d --name stranger -p ${port}:8080 ${sandbox.image('v3')}`,
        },
        code: 7,
        prints: ['sandbox-1', /port is already allocated/],
        check: async () => {
          expect(await sandbox.inside(1, 'docker', 'ps', '--filter', 'name=^stranger$', '-q')).not.toBe('');
        },
      },
      {
        title: 'removes the old container before a rollback, it is created again',
        run: 'rollback',
        inject: { line: ({ name }) => removeOldContainer(name) },
        code: 0,
        serves: 'v1',
      },
      {
        title:
          'removes the old container during a rollback, the rollback is undone, and the report names the container',
        run: 'rollback',
        inject: {
          step: 'container.start',
          line: ({ name }) => removeOldContainer(name),
        },
        code: 1,
        serves: 'v2',
        prints: ['sandbox-1', /No such container/i],
      },
      {
        title: 'prunes volumes and containers before a deploy, the releases are still known',
        inject: { line: () => prune },
        code: 0,
        serves: 'v2',
        check: async (project) => {
          await succeeds(project.start('rollback'));
          await expectServes(sandbox, project, 'v1');
        },
      },
      {
        title: 'prunes volumes and containers before a deploy that fails, the old container serves again',
        change: brokenBy('500'),
        inject: { line: () => prune },
        code: 6,
        serves: 'v1',
        prints: ['everything was undone'],
      },
      {
        title: 'prunes volumes and the new image during a deploy, the old container keeps serving',
        inject: { step: 'container.create', line: () => prune },
        code: 1,
        serves: 'v1',
        prints: ['sandbox-1', /No such image/i],
      },
      {
        title: 'prunes volumes and containers before a rollback, the old container is created again',
        run: 'rollback',
        inject: { line: () => prune },
        code: 0,
        serves: 'v1',
      },
      {
        title: 'removes the network before a deploy, it is created again',
        inject: { line: ({ name }) => removeNetwork(name) },
        code: 0,
        serves: 'v2',
      },
      {
        title: 'removes the network during a deploy, it is created again',
        inject: { step: 'container.start', line: ({ name }) => removeNetwork(name) },
        code: 0,
        serves: 'v2',
      },
      {
        title:
          'removes the image between pull and create, the report names it, and the old container keeps serving',
        inject: { step: 'container.create', line: () => 'docker image prune --all --force' },
        code: 1,
        serves: 'v1',
        prints: ['sandbox-1', /No such image/i],
      },
    ],
  );
});

const prune = 'docker system prune --volumes --force';

/** A shell command that removes the network of a project and its containers. */
const removeNetwork = (project: string) =>
  `network=$(docker network ls -q --filter label=oneclick.project=${project}); ` +
  'docker rm -f $(docker ps -q --filter network=$network); docker network rm $network';

/** A shell command that removes the container of the first release. */
const removeOldContainer = (project: string) =>
  `docker rm $(docker ps -aq --filter label=oneclick.project=${project} --filter label=oneclick.release=1)`;
