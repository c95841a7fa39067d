import { expect, test } from '@jest/globals';
import { z } from 'zod';
import { type Kind, openStore } from '../../../../src/sandbox/aws/store.js';
import { FakeEngine } from './engine.js';
import { emptyRegion } from './region.js';

const pets: Kind<{ name: string }> = { name: 'pet', schema: z.object({ name: z.string() }) };
const plants: Kind<{ height: number }> = { name: 'plant', schema: z.object({ height: z.number() }) };

/** The store of an endpoint, and of the one that is started after it. */
async function endpoint() {
  const engine = new FakeEngine();
  const { context, store } = await emptyRegion(engine);
  return { engine, volumes: engine.volumes, store, restarted: () => openStore(context, 'test') };
}

test('what was put is there after a restart, oldest first, each kind for itself', async () => {
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

test('what was removed is gone, also after a restart, and leaves no volume', async () => {
  const { volumes, store, restarted } = await endpoint();
  await store.put(pets, 'a', { name: 'Rex' });
  await store.remove(pets, 'a');
  await store.remove(pets, 'a');
  for (const each of [store, await restarted()]) expect(each.get(pets, 'a')).toBeUndefined();
  expect(volumes.size).toBe(0);
});

test('a document is one volume, however often it was put', async () => {
  const { volumes, store } = await endpoint();
  await Promise.all(['Rex', 'Tom', 'Max'].map((name) => store.put(pets, 'a', { name })));
  expect(store.get(pets, 'a')).toEqual({ name: 'Max' });
  expect(volumes.size).toBe(1);
});

test('a put is seen at once, so that of two in one turn the second sees the first', async () => {
  const { store } = await endpoint();
  const put = store.put(pets, 'a', { name: 'Rex' });
  expect(store.get(pets, 'a')).toEqual({ name: 'Rex' });
  await put;
});

test('an endpoint that was killed between two revisions has left the newer one', async () => {
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

test('what is removed does not come back by a revision that stayed', async () => {
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

test('what the engine does not take is taken back', async () => {
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

test('what is read is a copy', async () => {
  const { store } = await endpoint();
  const rex = { name: 'Rex' };
  await store.put(pets, 'a', rex);
  rex.name = 'changed';
  const read = store.get(pets, 'a');
  if (read !== undefined) read.name = 'changed';
  expect(store.get(pets, 'a')).toEqual({ name: 'Rex' });
});

test('a document that is not what its kind says is refused', async () => {
  const { store, restarted } = await endpoint();
  await store.put(pets, 'a', { name: 'Rex' });
  const cars = { name: 'pet', schema: z.object({ wheels: z.number() }) };
  expect(() => store.all(cars)).toThrow('wheels');
  expect((await restarted()).all(pets)).toHaveLength(1);
});
