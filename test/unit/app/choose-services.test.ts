import { describe, expect, it } from '@jest/globals';
import {
  hostNames,
  type ServiceSelection,
  selectServices,
  untouchedHosts,
} from '../../../src/app/choose-services.js';
import { service } from '../../fakes/recipes.js';

const build = { kind: 'build' as const, repository: 'registry/api', context: '/project' };
const all = [service('web'), service('api', { image: build }), service('db', { count: 1 })];
const host = (name: string) => ({ name, address: name, hostKeys: 'known' as const });
const environment = { services: all, hosts: hostNames(all).map(host) };
const choose = (choice: Partial<ServiceSelection>, services = all) =>
  selectServices(services, { services: [], only: [], images: [], ...choice });
const images = (choice: Partial<ServiceSelection>, services = all) =>
  Object.fromEntries(choose(choice, services).map(({ name, image }) => [name, image]));

describe('the services of a command', () => {
  it('are all, or the named ones', () => {
    expect(choose({}).map(({ name }) => name)).toEqual(['web', 'api', 'db']);
    expect(choose({ services: ['web'] }).map(({ name }) => name)).toEqual(['web']);
  });

  it('are suggested for a misspelled name', () => {
    expect(() => choose({ services: ['wep'] })).toThrow(
      expect.objectContaining({ code: 'service.unknown', hint: 'did you mean web?' }),
    );
    expect(() => choose({ services: ['something'] })).toThrow(
      expect.objectContaining({ message: 'unknown service "something" (available: web, api, db)' }),
    );
    expect(() => choose({ only: ['host-3'] })).toThrow(
      expect.objectContaining({ code: 'host.unknown', hint: 'did you mean host-1?' }),
    );
  });

  it('are limited to the named hosts, and skipped without any of them', () => {
    const chosen = choose({ only: ['host-2'] });
    expect(chosen.map(({ name, instances }) => [name, instances.map(({ host }) => host)])).toEqual([
      ['web', ['host-2']],
      ['api', ['host-2']],
    ]);
  });

  it('are refused if named with hosts they do not run on', () => {
    expect(() => choose({ services: ['db'], only: ['host-2'] })).toThrow(
      expect.objectContaining({ kind: 'usage', code: 'service.elsewhere', hint: 'db runs on host-1' }),
    );
  });
});

describe('the images of a command', () => {
  it('belong to the service named with them', () => {
    expect(images({ images: ['web=other/web:2'] }).web).toMatchObject({
      reference: 'other/web:2',
      moves: true,
      written: 'registry/web:1',
    });
  });

  it('belong to the only or the only chosen service', () => {
    expect(images({ services: ['web'], images: ['other/web:2'] }).web).toMatchObject({
      reference: 'other/web:2',
    });
    expect(images({ images: ['web:2'] }, [service('web')]).web).toMatchObject({ reference: 'web:2' });
  });

  it('require a service when there are several', () => {
    expect(() => choose({ images: ['other/web:2'] })).toThrow(
      expect.objectContaining({ code: 'image.service', hint: 'use --image web=other/web:2' }),
    );
  });

  it('must be valid references', () => {
    expect(() => choose({ images: ['web=Not An Image'] })).toThrow(
      expect.objectContaining({ code: 'image.reference' }),
    );
  });

  it('have the given tag or the commit as tag if they are built', () => {
    expect(images({ commit: 'abc123' }).api).toMatchObject({ reference: 'registry/api:abc123' });
    expect(images({ commit: 'abc123', tag: 'v7' }).api).toMatchObject({ reference: 'registry/api:v7' });
    expect(images({}).api).toEqual(build);
  });

  it('have the given tag if there is only one', () => {
    const { web } = images({ tag: 'v7' }, [service('web')]);
    expect(web).toMatchObject({ reference: 'registry/web:v7', moves: true });
  });

  it('must be named if a given tag could mean several, and none is built', () => {
    expect(() => choose({ tag: 'v7' }, [service('web'), service('db')])).toThrow(
      expect.objectContaining({
        ...{ kind: 'usage', message: '--tag v7 must name a service (available: web, db)' },
        hint: 'run: oneclick deploy web --tag v7',
      }),
    );
  });

  it('change a fixed tag only for named services', () => {
    expect(images({ tag: 'v7' }).web).toMatchObject({ reference: 'registry/web:1', moves: false });
    expect(images({ services: ['web'], tag: 'v7' }).web).toMatchObject({
      reference: 'registry/web:v7',
      moves: true,
    });
  });
});

describe('the untouched hosts of a command', () => {
  it('are the other hosts of its services', () => {
    expect(untouchedHosts(environment, choose({ services: ['web'], only: ['host-2'] }))).toEqual(
      all[0]?.instances.map(({ host }) => host).filter((host) => host !== 'host-2'),
    );
    expect(untouchedHosts(environment, choose({ services: ['db'] }))).toEqual([]);
  });

  it('and those on which they may have run before', () => {
    const spare = { ...environment, hosts: [...environment.hosts, host('spare')] };
    expect(untouchedHosts(spare, choose({ services: ['db'] }))).toEqual(['spare']);
    const db = { ...service('db', { count: 1 }), singleton: true };
    const withSingleton = { ...spare, services: [...all.slice(0, 2), db] };
    const others = spare.hosts.map(({ name }) => name).filter((name) => name !== 'host-1');
    expect(untouchedHosts(withSingleton, [db])).toEqual(others);
    expect(untouchedHosts(withSingleton, [db], others)).toEqual([]);
  });
});
