import { beforeEach, describe, expect, it } from '@jest/globals';
import { label } from '../../../src/domain/labels.js';
import { suffixed } from '../../../src/domain/names.js';
import { at, Fleet, serviceOn } from './fleet.js';

const first = { project: 'shop', environment: 'eu-prod' };
const second = { project: 'shop-eu', environment: 'prod' };
const web = serviceOn('web', 8080, { count: 1, volumes: ['data:/data'] });
const other = serviceOn('web', 8081, { count: 1, volumes: ['data:/data'] });
let fleet: Fleet;

beforeEach(() => {
  fleet = new Fleet(1);
  for (const tag of ['v1', 'v2', 'v3']) fleet.push('web', tag);
});

const engine = () => fleet.host('host-1').engine;
const container = (name: string) =>
  engine()
    .all()
    .find((one) => one.name === name);
const services = ({ project }: { project: string }) =>
  engine()
    .all()
    .filter(({ labels }) => labels[label.project] === project && labels[label.role] === 'service');
const running = (id: { project: string }) => services(id).find(({ state }) => state === 'running');

async function deploy(id: typeof first, service = web) {
  fleet.id = id;
  return fleet.deploy(service);
}

const ofData = async () =>
  (await engine().volumes())
    .filter(({ labels }) => labels[label.log] === undefined)
    .map(({ name, labels }) => [name, labels]);
const logOf = async (id: typeof first) => {
  fleet.id = id;
  return (await fleet.facts([web])).hosts['host-1']?.log.web?.map(({ release }) => release.number);
};
const problems = async (service = web) => {
  const result = await fleet.recipe('deploy', [service]);
  return result.kind === 'blocked'
    ? result.problems.map(({ code, message }) => [code, message])
    : result.kind;
};

describe('two environments with the same prefix on a host', () => {
  it('share nothing: network, data, log and the container that keeps the network up', async () => {
    expect(await deploy(first)).toMatchObject({ exitCode: 0 });
    expect(await deploy(second, other)).toMatchObject({ exitCode: 0 });
    const suffix = suffixed('', second);
    expect(running(first)).toMatchObject({ networks: ['shop-eu-prod'], volumes: ['shop-eu-prod-data'] });
    expect(running(second)).toMatchObject({
      networks: [`shop-eu-prod${suffix}`],
      volumes: [`shop-eu-prod-data${suffix}`],
    });
    expect(container('shop-eu-prod-network')?.labels).toMatchObject({ [label.project]: 'shop' });
    expect(container(`shop-eu-prod-network${suffix}`)).toMatchObject({
      state: 'running',
      networks: [`shop-eu-prod${suffix}`],
    });
    expect([await logOf(first), await logOf(second)]).toEqual([[1], [1]]);
  });

  it('keep their names for ever, also once the other is gone', async () => {
    await deploy(first);
    await deploy(second, other);
    for (const { id, labels } of engine().all())
      if (labels[label.project] === 'shop') await engine().remove(id);
    engine().dropNetwork('shop-eu-prod');
    await engine().removeVolume('shop-eu-prod-data');
    const names = { networks: running(second)?.networks, volumes: running(second)?.volumes };
    expect(await deploy(second, at(other, 'v2'))).toMatchObject({ exitCode: 0 });
    expect(await deploy(second, at(other, 'v3'))).toMatchObject({ exitCode: 0 });
    expect(running(second)).toMatchObject(names);
    expect(running(second)?.labels).toMatchObject({ [label.release]: '3' });
    expect(await fleet.rollback(other)).toMatchObject({ exitCode: 0 });
    expect(running(second)).toMatchObject(names);
    expect(await logOf(second)).toEqual([1, 2, 3, 2]);
  });

  it('never removes log lines of the other when it prunes', async () => {
    await deploy(first);
    for (let count = 0; count < 33; count++) await deploy(second, at(other, count % 2 === 0 ? 'v1' : 'v2'));
    expect(await logOf(first)).toEqual([1]);
    expect(await logOf(second)).toHaveLength(30);
  });

  it('also if service names make their log lines look the same', async () => {
    const ids = [
      { project: 'shop', environment: 'prod' },
      { project: 'shop', environment: 'prod-web' },
    ] as const;
    const one = { ...other, name: 'web-1', image: web.image };
    const two = { ...web, name: '1' };
    fleet.id = ids[0];
    await fleet.deploy(one);
    fleet.id = ids[1];
    expect(await fleet.deploy(two)).toMatchObject({ exitCode: 0 });
    const lines = await engine().volumes(label.log);
    expect(lines.map(({ labels }) => labels[label.log]).sort()).toEqual(['shop/prod', 'shop/prod-web']);
  });

  it('are explained with the names that a run would use', async () => {
    await deploy(first);
    fleet.id = second;
    const lines = (await fleet.explain('deploy', [other])).map(({ line }) => line);
    const suffix = suffixed('', second);
    expect(lines.find((line) => line.startsWith('docker create') && line.includes('web-1'))).toContain(
      `--volume shop-eu-prod-data${suffix}:/data --restart no --network shop-eu-prod${suffix}`,
    );
    expect(
      lines.filter((line) => line.includes('docker volume create')).map((line) => line.split(' ').at(-1)),
    ).toEqual([`shop-eu-prod-data${suffix}`, `oneclick-log-shop-eu-prod-web-1${suffix}`]);
  });
});

/** What the version before created for an environment: a data volume without labels, and everything else with them. */
async function deployedBefore(id: typeof first) {
  const { ensureVolume } = engine();
  engine().ensureVolume = async (volume, labels) =>
    ensureVolume.call(engine(), volume, label.volume in labels ? {} : labels);
  await deploy(id);
  engine().ensureVolume = ensureVolume;
}

describe('a host of the version before', () => {
  it('keeps its network and its data volume without labels', async () => {
    await deployedBefore(first);
    expect(await ofData()).toEqual([['shop-eu-prod-data', {}]]);
    expect(await deploy(first, at(web, 'v2'))).toMatchObject({ exitCode: 0 });
    expect(running(first)).toMatchObject({ networks: ['shop-eu-prod'], volumes: ['shop-eu-prod-data'] });
    expect(await ofData()).toEqual([['shop-eu-prod-data', {}]]);
  });

  it('keeps the data of an environment whose containers were removed', async () => {
    await deployedBefore(first);
    for (const { id } of engine().all()) await engine().remove(id);
    expect(await deploy(first, at(web, 'v2'))).toMatchObject({ exitCode: 0 });
    expect(running(first)?.volumes).toEqual(['shop-eu-prod-data']);
  });

  it('does not give its data to another environment', async () => {
    await deployedBefore(first);
    expect(await deploy(second, other)).toMatchObject({ exitCode: 0 });
    expect(running(second)?.volumes).toEqual([suffixed('shop-eu-prod-data', second)]);
  });

  it('keeps what two environments share, and warns about the data', async () => {
    await deployedBefore(first);
    const old = running(first);
    engine().addForeign({
      ...{ name: 'shop-eu-prod-web-1-aaaaaa', networks: ['shop-eu-prod'], volumes: ['shop-eu-prod-data'] },
      labels: { ...old?.labels, [label.project]: 'shop-eu', [label.environment]: 'prod' },
    });
    fleet.id = second;
    const { cautions } = await fleet.preview('deploy', [at(other, 'v2')]);
    expect(cautions).toContain('host-1: volume shop-eu-prod-data is also used by shop/eu-prod');
    expect(await deploy(second, at(other, 'v2'))).toMatchObject({ exitCode: 0 });
    expect(running(second)).toMatchObject({ networks: ['shop-eu-prod'], volumes: ['shop-eu-prod-data'] });
  });
});

describe('what somebody else created', () => {
  it('is not taken over: a volume blocks the deploy, a network makes it use another name', async () => {
    await engine().ensureNetwork('shop-eu-prod', {});
    await engine().ensureVolume('shop-eu-prod-data', {});
    fleet.id = first;
    expect(await problems()).toEqual([
      ['volume.taken', 'volume shop-eu-prod-data exists, and somebody else created it'],
    ]);
    await engine().removeVolume('shop-eu-prod-data');
    expect(await deploy(first)).toMatchObject({ exitCode: 0 });
    expect(running(first)?.networks).toEqual([suffixed('shop-eu-prod', first)]);
  });

  it('becomes ours with our labels, under any name', async () => {
    const labels = {
      [label.project]: 'shop',
      [label.environment]: 'eu-prod',
      [label.volume]: 'data',
    };
    await engine().ensureVolume('restored', labels);
    await deploy(first);
    expect(running(first)?.volumes).toEqual(['restored']);
  });

  it('blocks a name with a suffix too', async () => {
    await deploy(first);
    await engine().ensureVolume(suffixed('shop-eu-prod-data', second), {});
    await engine().ensureNetwork(suffixed('shop-eu-prod', second), {});
    fleet.id = second;
    const codes = await problems(other);
    expect(codes).toContainEqual(['network.taken', expect.stringContaining('belongs to somebody else')]);
    expect(codes).toContainEqual(['volume.taken', expect.stringContaining('somebody else created it')]);
  });

  it('is not taken over if it appears during the run', async () => {
    const { ensureVolume } = engine();
    engine().ensureVolume = async (name, labels) => {
      const taken = { [label.project]: 'shop', [label.environment]: 'eu-prod' };
      return ensureVolume.call(engine(), name, label.volume in labels ? taken : labels);
    };
    expect(await deploy(second, other)).toMatchObject({
      result: 'reverted',
      failures: [{ code: 'volume.taken' }],
    });
  });
});

describe('an adopted container', () => {
  const plain = serviceOn('web', 8080, { count: 1 });
  const adopted = { name: 'legacy', ports: [8080], image: 'registry.test/web:v1' };
  const adopt = async () => {
    fleet.id = first;
    engine().addForeign(adopted);
    return fleet.run('deploy', [at(plain, 'v2')], { adopt: 'legacy' });
  };

  it('is remembered by its ID: another one with its name is left alone', async () => {
    expect(await adopt()).toMatchObject({ exitCode: 0 });
    expect(await fleet.rollback(plain)).toMatchObject({ exitCode: 0 });
    expect(container('legacy')?.state).toBe('running');
    expect(await fleet.run('rollback', [plain], { to: 1 })).toMatchObject({ exitCode: 0 });
    await engine().remove('legacy');
    const foreign = engine().addForeign({ name: 'legacy', ports: [9090] });
    expect(await deploy(first, at(plain, 'v3'))).toMatchObject({ exitCode: 0 });
    expect(container('legacy')).toMatchObject({ id: foreign, state: 'running' });
    const result = await fleet.recipe('rollback', [plain], { params: { to: 0 } });
    expect(result).toMatchObject({ kind: 'blocked', problems: [{ code: 'adopt.gone' }] });
  });

  it('of the version before is known by its name until the next release, then by its ID', async () => {
    await adopt();
    await engine().removeVolume('oneclick-adopted-shop-eu-prod-web');
    expect(await fleet.rollback(plain)).toMatchObject({ exitCode: 0 });
    expect(container('legacy')?.state).toBe('running');
    const [pin] = await engine().volumes(label.adopted);
    expect(pin?.labels[label.adopted]).toBe(container('legacy')?.id);
  });

  it('is not searched on a host that gets the log as a copy', async () => {
    fleet = new Fleet(2);
    for (const tag of ['v1', 'v2', 'v3']) fleet.push('web', tag);
    await adopt();
    const foreign = fleet.host('host-2').engine.addForeign({ name: 'legacy', ports: [9090] });
    const both = serviceOn('web', 8080, { count: 2 });
    expect(await deploy(first, at(both, 'v3'))).toMatchObject({ exitCode: 0 });
    expect(await deploy(first, at(both, 'v2'))).toMatchObject({ exitCode: 0 });
    const found = await fleet.host('host-2').engine.container('legacy');
    expect(found).toMatchObject({ id: foreign, state: 'running' });
  });
});
