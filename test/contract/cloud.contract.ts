import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { targetReason } from '../../src/cloud/aws/target-reasons.js';
import type { Cloud } from '../../src/cloud/cloud.js';
import type { CloudInstance, Target, TargetHealth } from '../../src/domain/target-group.js';

/** A cloud under test, with its resources. */
export interface CloudWorld {
  readonly cloud: Cloud;
  /** Two running instances that listen on both `ports`; the first is named `name`. */
  readonly running: readonly [string, string];
  readonly name: string;
  readonly ports: readonly [number, number];
  /** A stopped instance. */
  readonly stopped: string;
  /** The name of a group with a load balancer, no targets and a short delay. */
  readonly group: string;
  /** The name of a group without a load balancer. */
  readonly idle: string;
  /** A security group that allows TCP from `source` on these ports. */
  readonly security: {
    readonly group: string;
    readonly from: number;
    readonly to: number;
    readonly source: string;
  };
  /** Waits for `ms`. */
  pass(ms: number): Promise<void>;
  close(): Promise<void>;
}

/** The contract of all clouds, fake and real. */
export function cloudContract(name: string, open: () => Promise<CloudWorld>): void {
  describe(`${name}, by contract,`, () => {
    let world: CloudWorld;
    let group: string;

    beforeAll(async () => {
      world = await open();
      group = await arnOf(world.group);
    });
    // Undefined if opening failed.
    afterAll(() => (world as CloudWorld | undefined)?.close());

    const arnOf = async (wanted: string) => (await world.cloud.targetGroups([wanted]))[0]?.arn ?? '';
    const instance = async (id: string): Promise<CloudInstance | undefined> =>
      (await world.cloud.instances([id]))[0];
    const target = (which: 0 | 1, port: 0 | 1 = 0): Target => ({
      id: world.running[which],
      port: world.ports[port],
    });
    const seen = async ({ id, port }: Target): Promise<TargetHealth['state'] | 'gone'> =>
      (await world.cloud.targets(group)).find((one) => one.id === id && one.port === port)?.state ?? 'gone';

    /** The states seen, in order, up to this one. */
    async function until(wanted: TargetHealth['state'] | 'gone', one: Target): Promise<string[]> {
      const states: string[] = [];
      for (let attempts = 0; attempts < 120; attempts += 1) {
        const state = await seen(one);
        if (states.at(-1) !== state) states.push(state);
        if (state === wanted) return states;
        await world.pass(500);
      }
      throw new Error(`never ${wanted}, but ${states.join(', ')}`);
    }

    describe('instances', () => {
      it('are found by ID, without missing ones', async () => {
        const ids = [world.running[0], 'i-00000000000000bad', world.stopped];
        const found = await world.cloud.instances(ids);
        expect(Object.fromEntries(found.map(({ id, state }) => [id, state]))).toEqual({
          [world.running[0]]: 'running',
          [world.stopped]: 'stopped',
        });
        expect(await instance(world.running[0])).toMatchObject({
          privateAddress: expect.stringMatching(/^\d+\.\d+\.\d+\.\d+$/),
          zone: expect.any(String),
          securityGroups: expect.any(Array),
        });
      });

      it('are found by name', async () => {
        const found = await world.cloud.instancesNamed([world.name, 'nobody']);
        expect(found.map(({ id }) => id)).toEqual([world.running[0]]);
      });

      it('are empty for an empty request', async () => {
        expect(await world.cloud.instances([])).toEqual([]);
        expect(await world.cloud.instancesNamed([])).toEqual([]);
      });

      it('keep their other tags when one is set or removed', async () => {
        await world.cloud.tag([world.running[0]], { 'oneclick:a': '1', 'oneclick:b': '2' });
        await world.cloud.tag([world.running[0]], { 'oneclick:a': '3' });
        expect((await instance(world.running[0]))?.tags).toMatchObject({
          Name: world.name,
          'oneclick:a': '3',
          'oneclick:b': '2',
        });
        await world.cloud.untag([world.running[0]], ['oneclick:a', 'oneclick:b', 'oneclick:never']);
        const tags = (await instance(world.running[0]))?.tags ?? {};
        expect(tags.Name).toBe(world.name);
        expect(Object.keys(tags)).not.toContain('oneclick:a');
        expect(Object.keys(tags)).not.toContain('oneclick:b');
      });

      it('are not tagged if one does not exist', async () => {
        await expect(world.cloud.tag(['i-00000000000000bad'], { 'oneclick:a': '1' })).rejects.toMatchObject({
          kind: 'usage',
          message: expect.stringContaining('i-00000000000000bad'),
        });
      });
    });

    describe('target groups', () => {
      it('are returned by name or ARN, in the requested order', async () => {
        const found = await world.cloud.targetGroups([world.idle, group]);
        expect(found.map(({ name }) => name)).toEqual([world.idle, world.group]);
      });

      it('have health check settings, a delay and load balancers', async () => {
        const [found, idle] = await world.cloud.targetGroups([world.group, world.idle]);
        expect(found).toMatchObject({
          protocol: 'HTTP',
          settings: {
            healthCheck: { interval: expect.any(Number), port: 'traffic-port' },
            deregistrationDelay: expect.any(Number),
            slowStart: 0,
            stickiness: false,
          },
        });
        expect(found?.balancers).toEqual([
          expect.objectContaining({
            kind: 'application',
            state: 'active',
            listeners: [{ protocol: 'HTTP', port: expect.any(Number) }],
          }),
        ]);
        expect(idle?.balancers).toEqual([]);
      });

      it('that do not exist are named, with existing ones', async () => {
        await expect(world.cloud.targetGroups([world.group, 'no-such-group'])).rejects.toMatchObject({
          kind: 'usage',
          code: 'cloud.no-group',
          message: expect.stringContaining('no-such-group'),
          hint: expect.stringContaining(world.group),
        });
      });

      it('change only the given settings when tuned', async () => {
        const settings = async () => (await world.cloud.targetGroups([world.idle]))[0]?.settings;
        const before = await settings();
        await world.cloud.tune(await arnOf(world.idle), { interval: 7_000, deregistrationDelay: 11_000 });
        expect(await settings()).toEqual({
          ...before,
          healthCheck: { ...before?.healthCheck, interval: 7_000 },
          deregistrationDelay: 11_000,
        });
      });
    });

    describe('targets', () => {
      it('become healthy, drain when deregistered, and disappear', async () => {
        await world.cloud.register(group, [target(0)]);
        expect((await until('healthy', target(0))).at(0)).toBe('initial');
        await world.cloud.deregister(group, [target(0)]);
        expect(await until('gone', target(0))).toEqual(['draining', 'gone']);
      });

      it('can be registered twice and deregistered twice', async () => {
        await world.cloud.register(group, [target(0)]);
        await world.cloud.register(group, [target(0)]);
        expect(await world.cloud.targets(group)).toHaveLength(1);
        await world.cloud.deregister(group, [target(0)]);
        await world.cloud.deregister(group, [target(0), target(1)]);
        await until('gone', target(0));
      });

      it('are separate for each port of an instance', async () => {
        await world.cloud.register(group, [target(1, 0), target(1, 1)]);
        await until('healthy', target(1, 0));
        await until('healthy', target(1, 1));
        await world.cloud.deregister(group, [target(1, 0)]);
        expect(await seen(target(1, 0))).toBe('draining');
        expect(await seen(target(1, 1))).toBe('healthy');
        await world.cloud.deregister(group, [target(1, 1)]);
        await until('gone', target(1, 0));
        await until('gone', target(1, 1));
      });

      it('can be registered again while draining', async () => {
        await world.cloud.register(group, [target(0)]);
        await until('healthy', target(0));
        await world.cloud.deregister(group, [target(0)]);
        expect(await seen(target(0))).toBe('draining');
        await world.cloud.register(group, [target(0)]);
        await until('healthy', target(0));
        await world.cloud.deregister(group, [target(0)]);
        await until('gone', target(0));
      });

      it('are unused without a load balancer', async () => {
        const idle = await arnOf(world.idle);
        await world.cloud.register(idle, [target(0)]);
        expect(await world.cloud.targets(idle)).toEqual([
          expect.objectContaining({ ...target(0), state: 'unused', reason: targetReason('Target.NotInUse') }),
        ]);
        await world.cloud.deregister(idle, [target(0)]);
        expect(await world.cloud.targets(idle)).toEqual([]);
      });

      it('are all refused if one instance is not running', async () => {
        const stopped = { id: world.stopped, port: world.ports[0] };
        await expect(world.cloud.register(group, [target(0), stopped])).rejects.toMatchObject({
          kind: 'failed',
          code: 'cloud.target-refused',
          message: expect.stringContaining(world.stopped),
        });
        expect(await world.cloud.targets(group)).toEqual([]);
      });

      it('of a missing group are a usage error', async () => {
        const gone = group.replace(world.group, 'no-such-group');
        const mistake = { kind: 'usage', code: 'cloud.no-group' };
        await expect(world.cloud.targets(gone)).rejects.toMatchObject(mistake);
        await expect(world.cloud.register(gone, [target(0)])).rejects.toMatchObject(mistake);
        await expect(world.cloud.deregister(gone, [target(0)])).rejects.toMatchObject(mistake);
      });
    });

    it('returns the inbound rules of security groups', async () => {
      const rules = await world.cloud.inboundRules([world.security.group]);
      expect(rules).toContainEqual({ ...world.security, protocol: 'tcp' });
      expect(await world.cloud.inboundRules([])).toEqual([]);
    });
  });
}
