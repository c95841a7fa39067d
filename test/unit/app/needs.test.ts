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
  fleet.balance(fleet.cloud.addGroup('shop-web'), 'shop-web-lb.elb.example.com');
});

const needs = async (recipe: string, service: Service, params = {}) =>
  [...needsOf(await fleet.plan(recipe, [service], params), tasks)].sort();

describe('the needs of a plan', () => {
  it('are hosts and a registry for a deploy of services behind no load balancer', async () => {
    expect(await needs('deploy', web)).toEqual(['hosts', 'registry']);
  });

  it('are the cloud, too, for a deploy that goes through a load balancer', async () => {
    expect(await needs('deploy', beside)).toEqual(['cloud', 'hosts', 'registry']);
  });

  it('are no registry for a rollback', async () => {
    await fleet.deploy(web);
    await fleet.deploy(at(web, 'v2'));
    expect(await needs('rollback', web)).toEqual(['hosts']);
  });

  it('are the cloud alone for taking instances out of their load balancer', async () => {
    await fleet.run('lb-activate', [balanced]);
    expect(await needs('lb-deactivate', balanced, { force: true })).toEqual(['cloud']);
  });

  it('are no registry to resume a run that has asked it', async () => {
    const plan = await fleet.plan('deploy', [web]);
    const asked = stepsOf(plan.steps).filter(({ task }) => task === 'image.resolve');
    expect([...needsToResume(plan, new Map(), tasks)].sort()).toEqual(['hosts', 'registry']);
    const receipts = new Map(asked.map(({ id }) => [id, {}]));
    expect([...needsToResume(plan, receipts, tasks)]).toEqual(['hosts']);
  });

  it('depend on the current release for a rollback, and not for a deploy', async () => {
    await fleet.deploy(web);
    await fleet.deploy(at(web, 'v2'));
    expect(dependsOnCurrent(await fleet.plan('rollback', [web]), tasks)).toBe(true);
    expect(dependsOnCurrent(await fleet.plan('deploy', [web]), tasks)).toBe(false);
  });
});

describe('a run', () => {
  it('that needs the cloud alone connects to no host', async () => {
    await fleet.run('lb-activate', [balanced]);
    expect((await fleet.run('lb-deactivate', [balanced], { force: true })).result).toBe('done');
    expect([fleet.connections.length, fleet.clouds]).toEqual([0, 2]);
  });

  it('that needs no cloud opens none', async () => {
    await fleet.deploy(web);
    expect([fleet.connections.length, fleet.clouds]).toEqual([3, 0]);
  });

  it('of commands on this machine opens nothing', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'oneclick-needs-'));
    try {
      await mkdir(join(folder, '.oneclick/recipes'), { recursive: true });
      const note = 'summary: Say it\nsteps:\n  - run: echo said >said.txt\n';
      await writeFile(join(folder, '.oneclick/recipes/note.yml'), note);
      fleet = new Fleet(3, { folder });
      fleet.down.add('host-1');
      expect(await needs('note', web)).toEqual([]);
      expect((await fleet.run('note', [web])).result).toBe('done');
      expect([fleet.connections.length, fleet.clouds]).toEqual([0, 0]);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
