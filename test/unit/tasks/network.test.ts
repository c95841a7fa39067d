import { describe, expect, it } from '@jest/globals';
import { at, everywhere, Fleet, serviceOn } from './fleet.js';

const web = serviceOn('web', 8080);
const network = 'shop-production';
const holder = `${network}-network`;

async function deployed(): Promise<Fleet> {
  const fleet = new Fleet();
  for (const tag of ['v1', 'v2']) fleet.push('web', tag);
  await fleet.deploy(web);
  return fleet;
}

const holders = (fleet: Fleet) =>
  fleet.hosts.map(({ engine }) =>
    engine
      .all()
      .filter(({ name }) => name === holder)
      .map(({ state }) => state),
  );

describe('the network of an environment', () => {
  it('is created by the first deploy, with a container that later deploys do not touch', async () => {
    const fleet = await deployed();
    expect(holders(fleet)).toEqual([['running'], ['running'], ['running']]);
    const ids = fleet.hosts.map(({ engine }) => engine.all().find(({ name }) => name === holder)?.id);
    expect(await fleet.deploy(at(web, 'v2'))).toMatchObject({ exitCode: 0 });
    expect(fleet.hosts.map(({ engine }) => engine.all().find(({ name }) => name === holder)?.id)).toEqual(
      ids,
    );
  });

  it('gets its container back if that was stopped or removed', async () => {
    const fleet = await deployed();
    await fleet.host('host-1').engine.stop(holder, 0);
    await fleet.host('host-2').engine.remove(holder);
    await fleet.deploy(at(web, 'v2'));
    expect(holders(fleet)).toEqual([['running'], ['running'], ['running']]);
  });

  it('loses its container if the deploy that created it is undone', async () => {
    const fleet = new Fleet();
    fleet.push('web', 'bad', { answers: 500 });
    expect(await fleet.deploy(at(web, 'bad'))).toMatchObject({ exitCode: 6 });
    expect(holders(fleet)).toEqual([[], [], []]);
  });

  it('is created again for the new container, and for the old one after an undo', async () => {
    const fleet = await deployed();
    fleet.push('web', 'bad', { answers: 500 });
    const { engine } = fleet.host('host-1');
    const { stop } = engine;
    engine.stop = async (...args) => {
      await stop.apply(engine, args);
      engine.dropNetwork(network);
    };
    expect(await fleet.deploy(at(web, 'v2'))).toMatchObject({ exitCode: 0 });
    expect(await fleet.deploy(at(web, 'bad'))).toMatchObject({ exitCode: 6 });
    expect(fleet.runningTags()).toEqual(everywhere('web v2 unless-stopped'));
    expect(engine.aliases(network, 'shop-production-web-2')).toEqual(['web']);
  });
});
