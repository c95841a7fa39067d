import { afterAll, afterEach, beforeAll, describe, expect, jest } from '@jest/globals';
import { type Machines, machines } from '../integration/harness.js';
import { faults } from './engine-rows.js';

jest.setTimeout(240_000);

let field: Machines;

beforeAll(async () => {
  field = await machines('containers', 1);
});
afterEach(() => field.clean());
afterAll(() => field.down());

/** The new release fails in this way; the sample application knows how. */
const broken = (how: string) => ({ env: { BROKEN: how } });
/** The new release is this line of shell. */
const program = (line: string) => ({ docker: { Entrypoint: ['/bin/sh', '-c', line] } });

describe('a new container that', () => {
  faults(
    () => field,
    [
      {
        fault: 'exits at once is taken back, with its code and its last words',
        change: broken('exit'),
        code: 6,
        serves: 'v1',
        says: ['sandbox-1', 'exit code 3', 'cannot go on: told to exit'],
      },
      {
        fault: 'exits while it is waited for is taken back, with its code and its last words',
        change: program('sleep 1; echo too late; exit 7'),
        code: 6,
        serves: 'v1',
        says: ['sandbox-1', 'exit code 7', 'too late'],
      },
      {
        fault: 'exits after 3 s, without a port to be asked on, is not mistaken for one that serves',
        change: { ...broken('exit-late'), health: { settle: '4s', deadline: '8s' }, port: null },
        code: 6,
        serves: 'v1',
        says: ['sandbox-1', 'exit code 3', 'told to exit late'],
      },
      {
        fault: 'never answers is taken back at its deadline',
        change: broken('never'),
        code: 6,
        serves: 'v1',
        says: ['sandbox-1', 'not healthy within 4 s', /no answer|did not respond/],
      },
      {
        fault: 'answers 500 is taken back, with the answer',
        change: broken('500'),
        code: 6,
        serves: 'v1',
        says: ['sandbox-1', 'not healthy within 4 s', 'HTTP 500'],
      },
      {
        fault: 'answers too slowly is taken back at its deadline',
        change: { env: { BROKEN: 'slow', SLOW: '3' } },
        code: 6,
        serves: 'v1',
        says: ['sandbox-1', 'not healthy within 4 s', /no answer|did not respond/],
      },
      {
        fault: 'answers slowly, but in time, serves',
        change: { env: { BROKEN: 'slow', SLOW: '0.5' } },
        code: 0,
        serves: 'v2',
      },
      {
        fault:
          'needs more memory than it may have is taken back, and the card says that the memory was too small',
        change: { ...program('tail /dev/zero'), memory: '16m' },
        code: 6,
        serves: 'v1',
        says: ['sandbox-1', /out of memory/i, 'exit code 137', /memory:/],
      },
    ],
  );
});

describe('an old container that', () => {
  faults(
    () => field,
    [
      {
        fault: 'ignores TERM is killed after its stop timeout, and the new one serves',
        service: broken('ignore-term'),
        code: 0,
        serves: 'v2',
        also: async (project) => {
          const states = await field.inside(
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

describe('somebody who', () => {
  faults(
    () => field,
    [
      {
        fault: 'takes the port between preflight and swap is left alone, and the card names the port',
        before: {
          step: 'container.start',
          line: ({ port }) => `docker run -d --name stranger -p ${port}:8080 ${field.image('v3')}`,
        },
        code: 7,
        says: ['sandbox-1', /port is already allocated/],
        also: async () => {
          expect(await field.inside(1, 'docker', 'ps', '--filter', 'name=^stranger$', '-q')).not.toBe('');
        },
      },
      {
        fault: 'removes the kept container before a rollback gets it made anew',
        run: 'rollback',
        before: { line: ({ name }) => withoutKept(name) },
        code: 0,
        serves: 'v1',
      },
      {
        fault: 'removes the kept container in mid-rollback gets back what ran, and its name is told',
        run: 'rollback',
        before: {
          step: 'container.start',
          line: ({ name }) => withoutKept(name),
        },
        code: 1,
        serves: 'v2',
        says: ['sandbox-1', /No such container/i],
      },
      {
        fault: 'removes the network before a deploy gets it made again',
        before: { line: ({ name }) => withoutNetwork(name) },
        code: 0,
        serves: 'v2',
      },
      {
        fault: 'removes the network in mid-deploy gets it made again',
        before: { step: 'container.start', line: ({ name }) => withoutNetwork(name) },
        code: 0,
        serves: 'v2',
      },
      {
        fault: 'removes the image between pull and create is told so, and the old one serves on',
        before: { step: 'container.create', line: () => 'docker image prune --all --force' },
        code: 1,
        serves: 'v1',
        says: ['sandbox-1', /No such image/i],
      },
    ],
  );
});

/** A line of shell that removes the network of a project, and all containers that run on it. */
const withoutNetwork = (project: string) =>
  `network=$(docker network ls -q --filter label=oneclick.project=${project}); ` +
  'docker rm -f $(docker ps -q --filter network=$network); docker network rm $network';

/** A line of shell that removes the container of the first release of a project. */
const withoutKept = (project: string) =>
  `docker rm $(docker ps -aq --filter label=oneclick.project=${project} --filter label=oneclick.release=1)`;
