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

/** Deploys a release that never becomes healthy, and returns what runs then. */
async function afterFailing(fleet: Fleet) {
  const { log } = (await fleet.facts([web])).hosts['host-1'] ?? {};
  const current = log?.web?.at(-1)?.release.number;
  const { exitCode } = await fleet.deploy(at(web, 'bad'));
  return { exitCode, running: fleet.running().map((line) => line.replace(` ${current} `, ' current ')) };
}

const currentServes = { exitCode: 6, running: ['host-1 web current unless-stopped'] };

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

  it('and is followed by one that fails, leaves the current release as it was', async () => {
    const die = (fleet: Fleet, events: number) => fleet.run('deploy', [at(web, 'v2')], {}, events);
    expectAll(await killAfterEachEvent([web], die, afterFailing), currentServes);
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

  it('and is followed by a deploy that fails, leaves the current release as it was', async () => {
    expectAll(await killAfterEachEvent([web], die, afterFailing), currentServes);
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

  it('and is followed by one that fails, leaves the container as it was', async () => {
    const adopt = { adopt: 'legacy' };
    const seen: unknown[] = [];
    for (;;) {
      const fleet = withLegacy();
      const { exitCode } = await fleet.run('deploy', [web], adopt, seen.length + 1);
      const activated = (await fleet.facts([web])).hosts['host-1']?.log.web !== undefined;
      if (exitCode === 0 || activated) break;
      const second = await fleet.run('deploy', [at(web, 'bad')], adopt);
      seen.push({ exitCode: second.exitCode, running: fleet.running() });
    }
    expectAll(seen, { exitCode: 6, running: ['host-1 legacy - unless-stopped'] });
  }, 30_000);
});
