import { beforeEach, describe, expect, it } from '@jest/globals';
import { releasesDocument } from '../../../src/app/releases.js';
import { releasesText } from '../../../src/report/releases.js';
import { plainStyle } from '../../../src/report/style.js';
import { run } from '../../fakes/recipes.js';
import { at, Fleet, serviceOn } from '../tasks/fleet.js';

const web = serviceOn('web', 8080);
const api = serviceOn('api', 9090);
const page = { columns: 80, style: plainStyle };
let fleet: Fleet;

beforeEach(() => {
  fleet = new Fleet();
  for (const name of ['web', 'api']) for (const tag of ['v1', 'v2', 'v3']) fleet.push(name, tag);
});

describe('the releases', () => {
  const listed = async (...services: readonly (typeof web)[]) =>
    releasesDocument(await fleet.facts(services), { run, services });

  it('show the current one, the hosts that keep each, and where a rollback leads', async () => {
    for (const tag of ['v1', 'v2', 'v3']) await fleet.deploy(at(web, tag));
    await fleet.host('host-2').engine.remove('shop-production-web-1');
    const document = await listed(web);
    expect(document.services[0]).toMatchObject({ current: 3, rollback: { release: 2 } });
    expect(document.services[0]?.releases.map(({ release, kept }) => [release, kept.length])).toEqual([
      [3, 3],
      [2, 3],
      [1, 2],
    ]);
    const messages = releasesText(document, page, fleet.clock.now());
    expect(messages).toMatch(/^web: release 3 is current; rollback goes to release 2\n/);
    expect(messages).toMatch(/host-1, host-3\n$/);
    await fleet.rollback(web);
    expect(fleet.runningTags()).toEqual(expect.arrayContaining(['host-1 web v2 unless-stopped']));
    expect((await listed(web)).services[0]).toMatchObject({ current: 2, rollback: { release: 1 } });
  });

  it('show why a rollback skips a service or fails', async () => {
    expect((await listed(web)).services[0]?.rollback.because).toContain('web has no release yet');
    await fleet.deploy(web, api);
    expect((await listed(web, api)).services[0]?.rollback).toMatchObject({ release: null });
    await fleet.deploy(at(web, 'v2'));
    const [first, second] = (await listed(web, api)).services;
    expect(first?.rollback.release).toBe(1);
    expect(second?.rollback.because).toBe('rollback skips it: it was not part of the last run');
  });
});
