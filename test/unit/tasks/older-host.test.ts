import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { specHash } from '../../../src/domain/container.js';
import { label } from '../../../src/domain/labels.js';
import { suffixed } from '../../../src/domain/names.js';
import { Activation } from '../../../src/domain/release.js';
import { at, Fleet, serviceOn } from './fleet.js';

const Labelled = z.strictObject({ name: z.string(), labels: z.record(z.string(), z.string()) });
const Host = z.strictObject({
  networks: z.array(Labelled),
  volumes: z.array(Labelled),
  containers: z.array(
    Labelled.extend({
      image: z.string(),
      state: z.enum(['running', 'exited']),
      restart: z.string(),
      networks: z.array(z.string()),
      ports: z.array(z.number()),
      volumes: z.array(z.string()),
    }),
  ),
});

/**
 * What the version of 2026-11-30 created: `shop` with the environment `eu-prod`; `shop-eu` with `prod`, which joined its network, used its
 * data and lost its own log line; and `cafe`, which adopted the container `legacy`.
 */
const fixture = join(import.meta.dirname, '../../fixtures/hosts/2026-11-30.json');
const shop = { project: 'shop', environment: 'eu-prod' };
const shopEu = { project: 'shop-eu', environment: 'prod' };
const cafe = { project: 'cafe', environment: 'eu-prod' };
let host: z.infer<typeof Host>;
let fleet: Fleet;

const image = { kind: 'fixed', reference: '127.0.0.1:5508/sample:v3', moves: true } as const;
const web = serviceOn('web', 8501, { count: 1, image, volumes: ['data:/data'] });
const engine = () => fleet.host('host-1').engine;
const running = ({ project }: { project: string }) =>
  engine()
    .all()
    .filter(({ labels, state }) => state === 'running' && labels[label.project] === project)
    .find(({ labels }) => labels[label.role] === 'service');

beforeEach(async () => {
  host = Host.parse(JSON.parse(await readFile(fixture, 'utf8')));
  fleet = new Fleet(1);
  fleet.registry.push(image.reference);
  for (const { name, labels } of host.networks) await engine().ensureNetwork(name, labels);
  for (const { name, labels } of host.volumes) await engine().ensureVolume(name, labels);
  for (const container of host.containers) engine().addForeign(container);
});

describe('a host that the version before deployed to', () => {
  it('has the same spec hashes', () => {
    const lines = host.volumes.flatMap(({ labels }) => {
      const text = labels[label.activation];
      return text === undefined ? [] : [{ labels, line: Activation.parse(JSON.parse(text)), text }];
    });
    for (const { line, text } of lines) expect(JSON.stringify(line)).toBe(text);
    const hashes = lines
      .filter(({ line }) => line.kind === 'deploy')
      .map(({ line }) => specHash(line.release.spec));
    const known = host.containers.map(({ labels }) => labels[label.spec]);
    expect(hashes).toHaveLength(2);
    expect(known).toEqual(expect.arrayContaining(hashes));
  });

  it('keeps all names of the environment that came first', async () => {
    fleet.id = shop;
    expect(await fleet.deploy(web)).toMatchObject({ exitCode: 0 });
    expect(running(shop)).toMatchObject({
      ...{ name: 'shop-eu-prod-web-2', networks: ['shop-eu-prod'], volumes: ['shop-eu-prod-data'] },
    });
    expect((await engine().networks()).map(({ name }) => name)).not.toContain(suffixed('shop-eu-prod', shop));
  });

  it('keeps what the second environment shares with it, and no longer loses its log', async () => {
    fleet.id = shopEu;
    const second = serviceOn('web', 8502, { count: 1, image, volumes: ['data:/data'] });
    expect(await fleet.deploy(second)).toMatchObject({ exitCode: 0 });
    expect(running(shopEu)).toMatchObject({ networks: ['shop-eu-prod'], volumes: ['shop-eu-prod-data'] });
    const [line] = await engine().volumes(`${label.log}=shop-eu/prod`);
    expect(line?.name).toBe(suffixed('oneclick-log-shop-eu-prod-web-1', shopEu));
    expect(running(shop)?.name).toBe('shop-eu-prod-web-1');
  });

  it('gives a third environment its own', async () => {
    fleet.id = { project: 'shop-eu-prod', environment: 'x' };
    expect(
      await fleet.deploy({ ...at(web, 'v3'), image, port: { host: 8600, container: 80 } }),
    ).toMatchObject({
      exitCode: 0,
    });
    expect(running(fleet.id)).toMatchObject({
      networks: ['shop-eu-prod-x'],
      volumes: ['shop-eu-prod-x-data'],
    });
  });

  it('can roll back to a container that was adopted by name, and then knows its ID', async () => {
    fleet.id = cafe;
    const adopted = serviceOn('web', 8503, { count: 1, image });
    expect(await fleet.run('rollback', [adopted], { to: 0 })).toMatchObject({ exitCode: 0 });
    const legacy = engine()
      .all()
      .find(({ name }) => name === 'legacy');
    expect(legacy?.state).toBe('running');
    const [pin] = await engine().volumes(label.adopted);
    expect(pin?.labels).toEqual({
      ...{ [label.project]: 'cafe', [label.environment]: 'eu-prod' },
      ...{ [label.service]: 'web', [label.adopted]: legacy?.id },
    });
  });
});
