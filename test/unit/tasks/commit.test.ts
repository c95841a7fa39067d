import { beforeEach, describe, expect, it } from '@jest/globals';
import { Failure } from '../../../src/domain/failure.js';
import { at, everywhere, Fleet, serviceOn } from './fleet.js';

const web = serviceOn('web', 8080);
let fleet: Fleet;

beforeEach(() => {
  fleet = new Fleet();
  for (const tag of ['v1', 'v2']) fleet.push('web', tag);
});

const lost = (host: string) => new Failure('unreachable', 'host.lost', 'the connection is lost', { host });
const logs = async () =>
  Object.values((await fleet.facts([web])).hosts).map(({ log }) => (log.web ?? []).map(({ order }) => order));

describe('the commit of a release', () => {
  it('succeeds if one of three hosts cannot be reached; the next run logs it there', async () => {
    fleet.host('host-2').engine.faults.fail('ensureVolume', lost('host-2'));
    expect(await fleet.deploy(web)).toMatchObject({ result: 'done', committed: true, exitCode: 0 });
    expect(fleet.events.filter(({ type }) => type === 'run.warning')).toHaveLength(1);
    expect(await logs()).toEqual([[1], [], [1]]);
    await fleet.deploy(web);
    expect(await logs()).toEqual([[1], [1], [1]]);
  });

  it('is unknown if no host answers, and exits with 7', async () => {
    for (const { name, engine } of fleet.hosts) engine.faults.fail('ensureVolume', lost(name));
    const outcome = await fleet.deploy(web);
    expect(outcome).toMatchObject({ exitCode: 7, failures: [{ kind: 'changed', code: 'commit.unknown' }] });
  });

  it('is undone if every host refuses it', async () => {
    await fleet.deploy(web);
    const refused = () => new Failure('failed', 'disk.full', 'no space left');
    for (const { engine } of fleet.hosts) engine.faults.fail('ensureVolume', refused());
    expect(await fleet.deploy(at(web, 'v2'))).toMatchObject({ result: 'reverted', exitCode: 1 });
    expect(fleet.state()).toEqual(everywhere('shop-production-web-1 running unless-stopped'));
  });
});
