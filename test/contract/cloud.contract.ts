import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { targetReason } from '../../src/cloud/aws/target-reasons.js';
import type { Cloud } from '../../src/cloud/cloud.js';
import type { CloudInstance, Target, TargetHealth } from '../../src/domain/target-group.js';

/** A cloud to hold to its contract, with what the suite works on. */
export interface CloudWorld {
  readonly cloud: Cloud;
  /** Two running instances that serve on both of `ports`; the first is named `name`. */
  readonly running: readonly [string, string];
  readonly name: string;
  readonly ports: readonly [number, number];
  /** An instance that exists and is stopped. */
  readonly stopped: string;
  /** The name of a group that a load balancer feeds, without targets, with a short delay. */
  readonly group: string;
  /** The name of a group that nothing feeds. */
  readonly idle: string;
  /** A security group that lets TCP from `source` in on these ports. */
  readonly security: {
    readonly group: string;
    readonly from: number;
    readonly to: number;
    readonly source: string;
  };
  /** Lets so many ms pass. */
  pass(ms: number): Promise<void>;
  close(): Promise<void>;
}

/** What every cloud keeps, the fake one as well as the real one. */
export function cloudContract(name: string, open: () => Promise<CloudWorld>): void {
  describe(`${name}, by contract,`, () => {
    let world: CloudWorld;
    let group: string;

    beforeAll(async () => {
      world = await open();
      group = await arnOf(world.group);
    });
    // When opening has failed there is none.
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

    /** The states in the order in which they were seen, up to this one. */
    async function until(wanted: TargetHealth['state'] | 'gone', one: Target): Promise<string[]> {
      const states: string[] = [];
      for (let tries = 0; tries < 120; tries += 1) {
        const state = await seen(one);
        if (states.at(-1) !== state) states.push(state);
        if (state === wanted) return states;
        await world.pass(500);
      }
      throw new Error(`never ${wanted}, but ${states.join(', ')}`);
    }

    describe('instances', () => {
      it('are found by their IDs, and one that does not exist hides no other', async () => {
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

      it('are found by their names', async () => {
        const found = await world.cloud.instancesNamed([world.name, 'nobody']);
        expect(found.map(({ id }) => id)).toEqual([world.running[0]]);
      });

      it('are none when none is asked for', async () => {
        expect(await world.cloud.instances([])).toEqual([]);
        expect(await world.cloud.instancesNamed([])).toEqual([]);
      });

      it('keep their other tags when one is set or taken away', async () => {
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

      it('are not tagged when one does not exist', async () => {
        await expect(world.cloud.tag(['i-00000000000000bad'], { 'oneclick:a': '1' })).rejects.toMatchObject({
          kind: 'usage',
          message: expect.stringContaining('i-00000000000000bad'),
        });
      });
    });

    describe('target groups', () => {
      it('come by name or ARN, in the order in which they were asked for', async () => {
        const found = await world.cloud.targetGroups([world.idle, group]);
        expect(found.map(({ name }) => name)).toEqual([world.idle, world.group]);
      });

      it('tell how they check and drain, and what feeds them', async () => {
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

      it('that do not exist are named, with those that do', async () => {
        await expect(world.cloud.targetGroups([world.group, 'no-such-group'])).rejects.toMatchObject({
          kind: 'usage',
          code: 'cloud.no-group',
          message: expect.stringContaining('no-such-group'),
          hint: expect.stringContaining(world.group),
        });
      });

      it('are tuned in what is said, and stay as they are in the rest', async () => {
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
      it('come to health, drain when they leave, and are gone', async () => {
        await world.cloud.register(group, [target(0)]);
        expect((await until('healthy', target(0))).at(0)).toBe('initial');
        await world.cloud.deregister(group, [target(0)]);
        expect(await until('gone', target(0))).toEqual(['draining', 'gone']);
      });

      it('are registered twice, and taken out twice, without harm', async () => {
        await world.cloud.register(group, [target(0)]);
        await world.cloud.register(group, [target(0)]);
        expect(await world.cloud.targets(group)).toHaveLength(1);
        await world.cloud.deregister(group, [target(0)]);
        await world.cloud.deregister(group, [target(0), target(1)]);
        await until('gone', target(0));
      });

      it('are several where an instance is there with several ports, which come and go alone', async () => {
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

      it('come back while they still drain', async () => {
        await world.cloud.register(group, [target(0)]);
        await until('healthy', target(0));
        await world.cloud.deregister(group, [target(0)]);
        expect(await seen(target(0))).toBe('draining');
        await world.cloud.register(group, [target(0)]);
        await until('healthy', target(0));
        await world.cloud.deregister(group, [target(0)]);
        await until('gone', target(0));
      });

      it('are unused while nothing feeds their group', async () => {
        const idle = await arnOf(world.idle);
        await world.cloud.register(idle, [target(0)]);
        expect(await world.cloud.targets(idle)).toEqual([
          expect.objectContaining({ ...target(0), state: 'unused', reason: targetReason('Target.NotInUse') }),
        ]);
        await world.cloud.deregister(idle, [target(0)]);
        expect(await world.cloud.targets(idle)).toEqual([]);
      });

      it('are refused when their instance does not run, and the others with them', async () => {
        const stopped = { id: world.stopped, port: world.ports[0] };
        await expect(world.cloud.register(group, [target(0), stopped])).rejects.toMatchObject({
          kind: 'failed',
          code: 'cloud.target-refused',
          message: expect.stringContaining(world.stopped),
        });
        expect(await world.cloud.targets(group)).toEqual([]);
      });

      it('of a group that does not exist are a mistake', async () => {
        const gone = group.replace(world.group, 'no-such-group');
        const mistake = { kind: 'usage', code: 'cloud.no-group' };
        await expect(world.cloud.targets(gone)).rejects.toMatchObject(mistake);
        await expect(world.cloud.register(gone, [target(0)])).rejects.toMatchObject(mistake);
        await expect(world.cloud.deregister(gone, [target(0)])).rejects.toMatchObject(mistake);
      });
    });

    it('tells what its security groups let in', async () => {
      const rules = await world.cloud.inboundRules([world.security.group]);
      expect(rules).toContainEqual({ ...world.security, protocol: 'tcp' });
      expect(await world.cloud.inboundRules([])).toEqual([]);
    });
  });
}
