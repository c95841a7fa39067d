import { describe, expect, it } from '@jest/globals';
import { describeStep } from '../../../../src/domain/describe-step.js';
import { describeHolder } from '../../../../src/host/lease/describe-holder.js';
import { tasks } from '../../../../src/tasks/registry.js';

const now = new Date('2026-11-30T03:32:46.212Z');
const holder = {
  who: 'root@vm',
  run: 'f20784',
  recipe: 'deploy',
  project: 'shop',
  environment: 'production',
  since: '2026-11-30T03:32:26.212Z',
  step: 'container.stop/worker/server-1',
  host: 'server-1',
};

describe('the description of a lease holder', () => {
  it('names the user, the service, the duration, the run and the step', () => {
    expect(describeHolder(holder, now)).toBe(
      'root@vm has been deploying worker for 20 s (run f20784), now stopping worker on server-1',
    );
  });

  it('names a rollback, and any other recipe by name', () => {
    expect(describeHolder({ ...holder, recipe: 'rollback' }, now)).toMatch(
      /^root@vm has been rolling back worker /,
    );
    expect(describeHolder({ ...holder, recipe: 'restart' }, now)).toMatch(
      /^root@vm has been running restart for /,
    );
  });

  it('names the environment if the step has no service', () => {
    expect(describeHolder({ ...holder, step: '' }, now)).toBe(
      'root@vm has been deploying production for 20 s (run f20784)',
    );
  });

  it.each([
    ['2026-11-30T03:32:46.000Z', '0 s'],
    ['2026-11-30T03:29:40.000Z', '3 min'],
    ['2026-11-30T01:30:00.000Z', '2 h'],
    ['2026-11-27T03:30:00.000Z', '3 d'],
    ['2026-11-30T03:40:00.000Z', '0 s'],
    ['yesterday', '0 s'],
  ])('gives the duration since %s as %s, and never a negative one', (since, duration) => {
    expect(describeHolder({ ...holder, since }, now)).toContain(` for ${duration} (run f20784)`);
  });
});

describe('the description of a step', () => {
  it.each([
    ['container.stop/worker/server-1', 'stopping worker on server-1'],
    ['container.start/web/web-2#3', 'starting web on web-2'],
    ['image.pull/web/web-1', 'pulling the image of web on web-1'],
    ['health.wait/web/web-1', 'waiting for web to become healthy on web-1'],
    ['release.commit/web', 'committing the release of web'],
    ['network.hold/web-1', 'keeping the network up on web-1'],
    ['shell.local', 'running a local command'],
    ['shell.remote/web-1', 'running a remote command on web-1'],
    ['undo container.stop/worker/server-1', 'undoing: stop worker on server-1'],
    ['thing.do', 'at thing.do'],
    ['thing.do/web/web-1', 'at thing.do for web on web-1'],
    ['undo thing.do/web', 'undoing: thing.do for web'],
    ['web/pull', 'at web/pull'],
    ['', ''],
  ])('turns %s into "%s"', (step, text) => {
    expect(describeStep(step)).toBe(text);
  });

  it.each([...tasks.keys()])('knows the task %s', (task) => {
    expect(describeStep(`${task}/web/web-1`)).not.toMatch(/^at /);
  });
});
