import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { dependsOnCurrent, needsOf, needsToResume } from '../../../src/app/needs.js';
import type { Service } from '../../../src/domain/service.js';
import { stepsOf } from '../../../src/run/walk.js';
import { tasks } from '../../../src/tasks/registry.js';
import { at, Fleet, serviceOn } from '../tasks/fleet.js';

const web = serviceOn('web', 8080);
const balanced: Service = { ...web, targetGroup: 'shop-web' };
const beside: Service = {
  ...balanced,
  swap: 'beside',
  port: { host: 80, container: 80, range: { from: 20_000, to: 20_040 } },
};
let fleet: Fleet;

beforeEach(async () => {
  fleet = new Fleet();
  for (const tag of ['v1', 'v2']) fleet.push('web', tag);
  for (const { id } of web.instances) fleet.cloud.launch(id);
  fleet.serveBalancer(fleet.cloud.addGroup('shop-web'), 'shop-web-lb.elb.example.com');
});

const needs = async (recipe: string, service: Service, params = {}) =>
  [...needsOf(await fleet.plan(recipe, [service], params), tasks)].sort();

describe('the needs of a plan', () => {
  it('include hosts and a registry for a deploy without a load balancer', async () => {
    expect(await needs('deploy', web)).toEqual(['hosts', 'registry']);
  });

  it('include the cloud for a deploy behind a load balancer', async () => {
    expect(await needs('deploy', beside)).toEqual(['cloud', 'hosts', 'registry']);
  });

  it('exclude the registry for a rollback', async () => {
    await fleet.deploy(web);
    await fleet.deploy(at(web, 'v2'));
    expect(await needs('rollback', web)).toEqual(['hosts']);
  });

  it('include only the cloud for deactivating targets', async () => {
    await fleet.run('lb-activate', [balanced]);
    expect(await needs('lb-deactivate', balanced, { force: true })).toEqual(['cloud']);
  });

  it('exclude the registry for resuming a run that has resolved its images', async () => {
    const plan = await fleet.plan('deploy', [web]);
    const asked = stepsOf(plan.steps).filter(({ task }) => task === 'image.resolve');
    expect([...needsToResume(plan, new Map(), tasks)].sort()).toEqual(['hosts', 'registry']);
    const receipts = new Map(asked.map(({ id }) => [id, {}]));
    expect([...needsToResume(plan, receipts, tasks)]).toEqual(['hosts']);
  });

  it('depend on the current release for a rollback, but not for a deploy', async () => {
    await fleet.deploy(web);
    await fleet.deploy(at(web, 'v2'));
    expect(dependsOnCurrent(await fleet.plan('rollback', [web]), tasks)).toBe(true);
    expect(dependsOnCurrent(await fleet.plan('deploy', [web]), tasks)).toBe(false);
  });
});

describe('a run', () => {
  it('connects to no host when it needs only the cloud', async () => {
    await fleet.run('lb-activate', [balanced]);
    expect((await fleet.run('lb-deactivate', [balanced], { force: true })).result).toBe('done');
    expect([fleet.connections.length, fleet.cloudCount]).toEqual([0, 2]);
  });

  it('opens no cloud when it needs none', async () => {
    await fleet.deploy(web);
    expect([fleet.connections.length, fleet.cloudCount]).toEqual([3, 0]);
  });

  it('connects to nothing for local commands', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'oneclick-needs-'));
    try {
      await mkdir(join(folder, '.oneclick/recipes'), { recursive: true });
      const note = 'summary: Say it\nsteps:\n  - run: echo said >said.txt\n';
      await writeFile(join(folder, '.oneclick/recipes/note.yml'), note);
      fleet = new Fleet(3, { folder });
      fleet.down.add('host-1');
      expect(await needs('note', web)).toEqual([]);
      expect((await fleet.run('note', [web])).result).toBe('done');
      expect([fleet.connections.length, fleet.cloudCount]).toEqual([0, 0]);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
