import { beforeEach, describe, expect, it } from '@jest/globals';
import type { ConnectedEnvironment } from '../../../src/app/connect.js';
import { namingEnd, tellingWhyEnded } from '../../../src/app/ended-container.js';
import { serviceInstances } from '../../../src/app/instances.js';
import { Failure } from '../../../src/domain/failure.js';
import { at, Fleet, serviceOn } from '../tasks/fleet.js';

const web = serviceOn('web', 8080, { count: 1 });
let fleet: Fleet;

beforeEach(async () => {
  fleet = new Fleet(1);
  for (const tag of ['v1', 'v2']) fleet.push('web', tag);
  await fleet.deploy(web);
});

type Ports = Parameters<typeof tellingWhyEnded>[0];

/** Passes the container that runs now to `work`. */
async function inContainer<T>(work: (ports: Ports) => Promise<T>): Promise<T> {
  const session = await fleet.session([web]);
  const use = async (connected: ConnectedEnvironment) => {
    const [place] = serviceInstances(await connected.facts(), session.id, [web]);
    if (place === undefined) throw new Error('web has no instance');
    return work({ session, connected, place });
  };
  return fleet.whileTimePasses(fleet.connected([web], use));
}

/** Runs a command that exits with `code` after `event`; returns its code and what is said. */
async function exec(code: number, event: () => Promise<unknown>) {
  const said: string[] = [];
  const work = async () => {
    await event();
    return code;
  };
  const result = await inContainer((ports) => tellingWhyEnded(ports, work, (text) => void said.push(text)));
  return { result, said };
}

const engine = () => fleet.host('host-1').engine;

describe('a command whose container ends', () => {
  it('keeps its exit code; the run that stopped the container is named', async () => {
    const said = ['shop-production-web-1 on host-1 was stopped (by run run-2)'];
    expect(await exec(137, () => fleet.deploy(at(web, 'v2')))).toEqual({ result: 137, said });
  });

  it('names the run that holds the lease, before it has started the next container', async () => {
    const holder = { who: 'ada', run: 'f20784', recipe: 'deploy', since: '2026-01-01T00:00:00Z' };
    const line = `busy\t${JSON.stringify({ ...holder, ...fleet.id })}\tcontainer.stop/web`;
    fleet
      .host('host-1')
      .answers.unshift(({ argv }) => (argv.includes('look') ? { stdout: line } : undefined));
    expect((await exec(137, () => engine().stop('shop-production-web-1', 0))).said).toEqual([
      'shop-production-web-1 on host-1 was stopped (by run f20784)',
    ]);
  });

  it('says whether it was removed or restarted', async () => {
    const name = 'shop-production-web-1';
    const restart = async () => {
      await engine().stop(name, 0);
      await fleet.clock.advance(1000);
      await engine().start(name);
    };
    expect((await exec(137, restart)).said).toEqual([`${name} on host-1 was restarted`]);
    expect((await exec(137, () => engine().remove(name))).said).toEqual([`${name} on host-1 was removed`]);
  });

  it('says nothing if the command was killed alone, or failed by itself', async () => {
    expect(await exec(137, async () => undefined)).toEqual({ result: 137, said: [] });
    expect(await exec(3, () => engine().stop('shop-production-web-1', 0))).toEqual({ result: 3, said: [] });
  });

  it('turns the failure of the engine into the reason', async () => {
    const refused = new Failure('failed', 'container.not-found', 'no such container');
    const fails = async () => {
      await engine().remove('shop-production-web-1');
      throw refused;
    };
    await expect(inContainer((ports) => namingEnd(ports, fails))).rejects.toMatchObject({
      ...{ code: 'container.ended', message: 'shop-production-web-1 on host-1 was removed' },
      evidence: ['no such container'],
    });
    await expect(
      inContainer((ports) => namingEnd(ports, () => Promise.reject(refused))),
    ).rejects.toBeDefined();
  });
});
