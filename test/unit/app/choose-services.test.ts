import { describe, expect, it } from '@jest/globals';
import { type ServiceSelection, selectServices, untouchedHosts } from '../../../src/app/choose-services.js';
import { service } from '../../fakes/recipes.js';

const build = { kind: 'build' as const, repository: 'registry/api', context: '/project' };
const all = [service('web'), service('api', { image: build }), service('db', { count: 1 })];
const choose = (choice: Partial<ServiceSelection>, services = all) =>
  selectServices(services, { services: [], only: [], images: [], ...choice });
const images = (choice: Partial<ServiceSelection>, services = all) =>
  Object.fromEntries(choose(choice, services).map(({ name, image }) => [name, image]));

describe('the services of a command', () => {
  it('are all of them, or those that are named', () => {
    expect(choose({}).map(({ name }) => name)).toEqual(['web', 'api', 'db']);
    expect(choose({ services: ['web'] }).map(({ name }) => name)).toEqual(['web']);
  });

  it('are suggested when one is misspelt', () => {
    expect(() => choose({ services: ['wep'] })).toThrow(
      expect.objectContaining({ code: 'service.unknown', hint: 'did you mean web?' }),
    );
    expect(() => choose({ services: ['something'] })).toThrow(
      expect.objectContaining({ hint: 'there are web, api, db' }),
    );
    expect(() => choose({ only: ['host-3'] })).toThrow(
      expect.objectContaining({ code: 'host.unknown', hint: 'did you mean host-1?' }),
    );
  });

  it('keep the hosts that are asked for, and are left out where they have none of them', () => {
    const chosen = choose({ only: ['host-2'] });
    expect(chosen.map(({ name, instances }) => [name, instances.map(({ host }) => host)])).toEqual([
      ['web', ['host-2']],
      ['api', ['host-2']],
    ]);
  });

  it('cannot be named for hosts on which they do not run', () => {
    expect(() => choose({ services: ['db'], only: ['host-2'] })).toThrow(
      expect.objectContaining({ kind: 'usage', code: 'service.elsewhere', hint: 'db runs on host-1' }),
    );
  });
});

describe('the images of a command', () => {
  it('are given to the service that is named with them', () => {
    expect(images({ images: ['web=other/web:2'] }).web).toMatchObject({
      reference: 'other/web:2',
      moves: true,
      written: 'registry/web:1',
    });
  });

  it('are given to the only service that there is, or that is chosen', () => {
    expect(images({ services: ['web'], images: ['other/web:2'] }).web).toMatchObject({
      reference: 'other/web:2',
    });
    expect(images({ images: ['web:2'] }, [service('web')]).web).toMatchObject({ reference: 'web:2' });
  });

  it('need a service where there are several', () => {
    expect(() => choose({ images: ['other/web:2'] })).toThrow(
      expect.objectContaining({ code: 'image.service', hint: 'write --image web=other/web:2' }),
    );
  });

  it('must be references', () => {
    expect(() => choose({ images: ['web=Not An Image'] })).toThrow(
      expect.objectContaining({ code: 'image.reference' }),
    );
  });

  it('of what is built have the tag that is given, or the commit', () => {
    expect(images({ commit: 'abc123' }).api).toMatchObject({ reference: 'registry/api:abc123' });
    expect(images({ commit: 'abc123', tag: 'v7' }).api).toMatchObject({ reference: 'registry/api:v7' });
    expect(images({}).api).toEqual(build);
  });

  it('of what is fixed take a tag only where the service is named', () => {
    expect(images({ tag: 'v7' }).web).toMatchObject({ reference: 'registry/web:1', moves: false });
    expect(images({ services: ['web'], tag: 'v7' }).web).toMatchObject({
      reference: 'registry/web:v7',
      moves: true,
    });
  });
});

describe('the hosts beside those of a command', () => {
  it('are the others of its services, and none of services that are not part of it', () => {
    expect(untouchedHosts(all, choose({ services: ['web'], only: ['host-2'] }))).toEqual(
      all[0]?.instances.map(({ host }) => host).filter((host) => host !== 'host-2'),
    );
    expect(untouchedHosts(all, choose({ services: ['db'] }))).toEqual([]);
  });
});
