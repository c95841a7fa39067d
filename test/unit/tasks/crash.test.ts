import { describe, expect, it } from '@jest/globals';
import type { Service } from '../../../src/domain/service.js';
import type { Outcome } from '../../../src/run/events.js';
import { at, Fleet, serviceOn } from './fleet.js';

const web = serviceOn('web', 8080, { count: 1 });
const api = serviceOn('api', 9090, { count: 1 });

async function onRelease1(services: readonly Service[]): Promise<Fleet> {
  const fleet = new Fleet(1);
  for (const { name } of services) for (const tag of ['v1', 'v2']) fleet.push(name, tag);
  fleet.push('web', 'bad', { answers: 500 });
  await fleet.deploy(...services);
  return fleet;
}

/** Kills a run after its first event, its second and so on, and collects what `inspect` finds each time. */
async function killAfterEachEvent<Seen>(
  services: readonly Service[],
  die: (fleet: Fleet, events: number) => Promise<Outcome>,
  inspect: (fleet: Fleet) => Promise<Seen>,
): Promise<readonly Seen[]> {
  const seen: Seen[] = [];
  for (;;) {
    const fleet = await onRelease1(services);
    const { exitCode } = await die(fleet, seen.length + 1);
    if (exitCode === 0) return seen;
    seen.push(await inspect(fleet));
  }
}

/** The index of a failing element is the event after which the run died. */
const expectAll = <Seen>(seen: readonly Seen[], expected: unknown) => {
  expect(seen.length).toBeGreaterThan(10);
  expect(seen).toEqual(seen.map(() => expected));
};

/** Deploys a release that never becomes healthy. Returns what runs then, and what should: what served before, or else the current release. */
async function afterFailing(fleet: Fleet, params: Record<string, string> = {}) {
  const { log } = (await fleet.facts([web])).hosts['host-1'] ?? {};
  const number = log?.web?.at(-1)?.release.number;
  const current = number === undefined ? 'host-1 legacy -' : `host-1 web ${number}`;
  const served = fleet.running().filter((line) => line.endsWith(' unless-stopped'));
  const { exitCode } = await fleet.run('deploy', [at(web, 'bad')], params);
  return {
    exitCode,
    running: fleet.running(),
    expected: served.length > 0 ? served : [`${current} unless-stopped`],
  };
}

const expectSameServes = (seen: readonly Awaited<ReturnType<typeof afterFailing>>[]) => {
  expect(seen.length).toBeGreaterThan(10);
  for (const { exitCode, running, expected } of seen)
    expect({ exitCode, running }).toEqual({ exitCode: 6, running: expected });
};

describe('a deploy that died after any event', () => {
  it('is completed by the same deploy, without its journal', async () => {
    const next = [at(web, 'v2'), at(api, 'v2')];
    const seen = await killAfterEachEvent(
      [web, api],
      (fleet, events) => fleet.run('deploy', next, {}, events),
      async (fleet) => {
        const { exitCode } = await fleet.deploy(...next);
        const left = fleet.state().filter((line) => !/-1 exited no$|running unless-stopped$/.test(line));
        return { exitCode, left, images: fleet.runningTags() };
      },
    );
    const images = ['host-1 api v2 unless-stopped', 'host-1 web v2 unless-stopped'];
    expectAll(seen, { exitCode: 0, left: [], images });
  }, 30_000);

  it('and is followed by one that fails, leaves running what served before, or the current release', async () => {
    const die = (fleet: Fleet, events: number) => fleet.run('deploy', [at(web, 'v2')], {}, events);
    expectSameServes(await killAfterEachEvent([web], die, (fleet) => afterFailing(fleet)));
  }, 30_000);
});

describe('a rollback that died after any event', () => {
  const die = async (fleet: Fleet, events: number) => {
    await fleet.deploy(at(web, 'v2'));
    return fleet.run('rollback', [web], { to: 1 }, events);
  };

  it('is completed by the same rollback', async () => {
    const seen = await killAfterEachEvent([web], die, async (fleet) => {
      const { exitCode } = await fleet.run('rollback', [web], { to: 1 });
      return { exitCode, running: fleet.running() };
    });
    expectAll(seen, { exitCode: 0, running: ['host-1 web 1 unless-stopped'] });
  }, 30_000);

  it('and is followed by a deploy that fails, leaves running what served before, or the current release', async () => {
    expectSameServes(await killAfterEachEvent([web], die, (fleet) => afterFailing(fleet)));
  }, 30_000);
});

describe('a deploy that adopted a container and died after any event', () => {
  /** A host that runs a container from before oneclick on the port of web. */
  function withLegacy(): Fleet {
    const fleet = new Fleet(1);
    fleet.push('web', 'v1');
    fleet.push('web', 'bad', { answers: 500 });
    const legacy = { name: 'legacy', image: 'made/here:1', restart: 'unless-stopped', ports: [8080] };
    fleet.host('host-1').engine.addForeign(legacy);
    return fleet;
  }

  it('and is followed by one that fails, leaves running what served before, or the container', async () => {
    const adopt = { adopt: 'legacy' };
    const seen: Awaited<ReturnType<typeof afterFailing>>[] = [];
    for (;;) {
      const fleet = withLegacy();
      const { exitCode } = await fleet.run('deploy', [web], adopt, seen.length + 1);
      const activated = (await fleet.facts([web])).hosts['host-1']?.log.web !== undefined;
      if (exitCode === 0 || activated) break;
      seen.push(await afterFailing(fleet, adopt));
    }
    expectSameServes(seen);
  }, 30_000);

  it('is completed by the same deploy', async () => {
    const adopt = { adopt: 'legacy' };
    for (let events = 1; ; events++) {
      const fleet = withLegacy();
      if ((await fleet.run('deploy', [web], adopt, events)).exitCode === 0) break;
      expect(await fleet.run('deploy', [web], adopt)).toMatchObject({ exitCode: 0 });
      expect(fleet.runningTags()).toEqual(['host-1 web v1 unless-stopped']);
      expect(await fleet.rollback(web)).toMatchObject({ exitCode: 0 });
      expect(fleet.running()).toEqual(['host-1 legacy - unless-stopped']);
    }
  }, 60_000);
});
