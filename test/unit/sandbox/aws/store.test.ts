import { expect, test } from '@jest/globals';
import { z } from 'zod';
import { type Kind, openStore } from '../../../../src/sandbox/aws/store.js';
import { FakeEngine } from './engine.js';
import { emptyRegion } from './region.js';

const pets: Kind<{ name: string }> = { name: 'pet', schema: z.object({ name: z.string() }) };
const plants: Kind<{ height: number }> = { name: 'plant', schema: z.object({ height: z.number() }) };

/** A store, and a function that opens it again as a restarted endpoint does. */
async function endpoint() {
  const engine = new FakeEngine();
  const { context, store } = await emptyRegion(engine);
  return { engine, volumes: engine.volumes, store, restarted: () => openStore(context, 'test') };
}

test('documents survive a restart, oldest first, each kind separately', async () => {
  const { store, restarted } = await endpoint();
  await store.put(pets, 'a', { name: 'Rex' });
  await store.put(pets, 'b', { name: 'Tom' });
  await store.put(plants, 'a', { height: 3 });
  await store.put(pets, 'a', { name: 'Max' });
  for (const each of [store, await restarted()]) {
    expect(each.all(pets)).toEqual([{ name: 'Max' }, { name: 'Tom' }]);
    expect(each.get(plants, 'a')).toEqual({ height: 3 });
  }
});

test('removed documents stay removed after a restart and leave no volume', async () => {
  const { volumes, store, restarted } = await endpoint();
  await store.put(pets, 'a', { name: 'Rex' });
  await store.remove(pets, 'a');
  await store.remove(pets, 'a');
  for (const each of [store, await restarted()]) expect(each.get(pets, 'a')).toBeUndefined();
  expect(volumes.size).toBe(0);
});

test('a document uses one volume, however often it is put', async () => {
  const { volumes, store } = await endpoint();
  await Promise.all(['Rex', 'Tom', 'Max'].map((name) => store.put(pets, 'a', { name })));
  expect(store.get(pets, 'a')).toEqual({ name: 'Max' });
  expect(volumes.size).toBe(1);
});

test('a put is visible immediately', async () => {
  const { store } = await endpoint();
  const put = store.put(pets, 'a', { name: 'Rex' });
  expect(store.get(pets, 'a')).toEqual({ name: 'Rex' });
  await put;
});

test('the newer revision wins after a kill between two revisions', async () => {
  const { engine, volumes, store, restarted } = await endpoint();
  await store.put(pets, 'a', { name: 'Rex' });
  engine.before = (change) => {
    if (change.startsWith('remove')) throw new Error('killed');
  };
  await store.put(pets, 'a', { name: 'Max' });
  expect(volumes.size).toBe(2);
  engine.before = () => {};
  expect((await restarted()).all(pets)).toEqual([{ name: 'Max' }]);
  expect(volumes.size).toBe(1);
});

test('a removed document does not come back from an old revision', async () => {
  const { engine, store, restarted } = await endpoint();
  await store.put(pets, 'a', { name: 'Rex' });
  engine.before = (change) => {
    if (change.startsWith('remove')) throw new Error('busy');
  };
  await store.put(pets, 'a', { name: 'Max' });
  await expect(store.remove(pets, 'a')).rejects.toThrow('busy');
  expect(store.all(pets)).toEqual([{ name: 'Max' }]);
  engine.before = () => {};
  await store.remove(pets, 'a');
  expect((await restarted()).all(pets)).toEqual([]);
});

test('a change that the engine rejects is undone', async () => {
  const { engine, volumes, store } = await endpoint();
  await store.put(pets, 'a', { name: 'Rex' });
  engine.before = () => {
    throw new Error('no space left on device');
  };
  await expect(store.put(pets, 'a', { name: 'Max' })).rejects.toThrow('no space');
  await expect(store.put(pets, 'b', { name: 'Tom' })).rejects.toThrow('no space');
  await expect(store.remove(pets, 'a')).rejects.toThrow('no space');
  expect(store.all(pets)).toEqual([{ name: 'Rex' }]);
  engine.before = () => {};
  await store.put(pets, 'a', { name: 'Max' });
  expect(volumes.size).toBe(1);
});

test('reads return copies', async () => {
  const { store } = await endpoint();
  const rex = { name: 'Rex' };
  await store.put(pets, 'a', rex);
  rex.name = 'changed';
  const read = store.get(pets, 'a');
  if (read !== undefined) read.name = 'changed';
  expect(store.get(pets, 'a')).toEqual({ name: 'Rex' });
});

test('a document that does not match its schema is rejected', async () => {
  const { store, restarted } = await endpoint();
  await store.put(pets, 'a', { name: 'Rex' });
  const cars = { name: 'pet', schema: z.object({ wheels: z.number() }) };
  expect(() => store.all(cars)).toThrow('wheels');
  expect((await restarted()).all(pets)).toHaveLength(1);
});
