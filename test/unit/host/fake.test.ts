import { tmpdir } from 'node:os';
import { describe, expect, it } from '@jest/globals';
import { systemClock } from '../../../src/domain/clock.js';
import { type ContractWorld, hostContract } from '../../contract/host.contract.js';
import { MovableClock } from '../../fakes/clock.js';
import { FakeConnection } from '../../fakes/connection.js';
import { FakeRegistry } from '../../fakes/engine.js';
import { FakeHost, runLocally } from '../../fakes/host.js';

const clock = new MovableClock();
const publish = (port: number) => ({
  HostConfig: { PortBindings: { '80/tcp': [{ HostPort: String(port) }] } },
});

async function started(registry: FakeRegistry, name = 'web') {
  const host = new FakeHost('web-1', { clock, registry });
  await host.engine.pull('shop/web:1', undefined, () => undefined);
  await host.engine.create({ name, config: { Image: 'shop/web:1', ...publish(8080) } });
  await host.engine.start(name);
  return host;
}

describe('the fake host', () => {
  it('answers a probe like the running container that publishes the port', async () => {
    const registry = new FakeRegistry();
    registry.push('shop/web:1', { answers: 503, body: 'starting' });
    const host = await started(registry);
    expect(await host.probe({ port: 8080, path: '/', timeout: 100 })).toMatchObject({
      status: 503,
      body: 'starting',
    });
    await host.engine.stop('web', 1000);
    await expect(host.probe({ port: 8080, path: '/', timeout: 100 })).rejects.toMatchObject({
      kind: 'unhealthy',
    });
  });

  it('refuses to start a second container on a port', async () => {
    const registry = new FakeRegistry();
    registry.push('shop/web:1');
    const host = await started(registry);
    await host.engine.create({ name: 'other', config: { Image: 'shop/web:1', ...publish(8080) } });
    await expect(host.engine.start('other')).rejects.toMatchObject({ code: 'engine.port-taken' });
  });

  it('restarts containers by their restart policy only', async () => {
    const registry = new FakeRegistry();
    registry.push('shop/web:1');
    const host = await started(registry);
    host.engine.restart();
    expect(await host.engine.container('web')).toMatchObject({ state: 'exited', exit: 137 });
    await host.engine.setRestart('web', 'unless-stopped');
    await host.engine.start('web');
    host.engine.restart();
    expect(await host.engine.container('web')).toMatchObject({ state: 'running' });
  });

  it('answers nothing once it is lost', async () => {
    const host = new FakeHost('web-1', { clock });
    host.lose();
    expect(host.lost.aborted).toBe(true);
    await expect(host.run({ argv: ['true'], timeout: 1 })).rejects.toMatchObject({ code: 'host.lost' });
  });
});

async function world(): Promise<ContractWorld & { readonly host: FakeHost }> {
  const registry = new FakeRegistry();
  const logs = ['starting', 'cannot go on: told to exit'];
  const images = { serves: 'r/web:1', 'exits with 3': 'r/exits:1', 'ignores TERM': 'r/stubborn:1' };
  const runs = (_: readonly string[], input: string) => ({
    ...{ code: 3, stderr: 'err' },
    stdout: input.replace('\u0004', ''),
  });
  registry.push(images.serves, { runs });
  registry.push(images['exits with 3'], { exits: { code: 3 }, logs });
  registry.push(images['ignores TERM'], { stops: undefined });
  registry.push('r/web:2');
  const host = new FakeHost('web-1', { clock: systemClock, registry, answers: [runLocally(tmpdir())] });
  await host.engine.pull(images['exits with 3'], undefined, () => undefined);
  await host.engine.pull(images['ignores TERM'], undefined, () => undefined);
  return {
    host,
    image: images.serves,
    other: 'r/web:2',
    config: (behaviour) => ({ Image: images[behaviour], Env: [] }),
    echo: ['echo'],
    prefix: 'contract',
    ports: [18_081, 18_082],
    close: () => host.close(),
  };
}

hostContract('the fake host', world);

hostContract('a connection to the fake host', async () => {
  const { host, ...rest } = await world();
  return { ...rest, host: new FakeConnection(host) };
});
