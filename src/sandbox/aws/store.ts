import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { Context } from '../context.js';
import { ifExists, labels } from '../docker.js';

/**
 * JSON documents by kind (`security-group`) and ID. Stored in labels of Docker volumes, so they survive the endpoint.
 * Reads return copies.
 */
export interface Store {
  /** Returns the documents of a kind, oldest first. */
  all<T>(kind: Kind<T>): readonly T[];
  get<T>(kind: Kind<T>, id: string): T | undefined;
  /** Visible to readers immediately; resolves once stored. Undone if it cannot be stored. */
  put<T>(kind: Kind<T>, id: string, document: T): Promise<void>;
  /** Invisible immediately; resolves once removed from storage. */
  remove<T>(kind: Kind<T>, id: string): Promise<void>;
}

/** A kind of document; reads validate with `schema`. */
export interface Kind<T> {
  readonly name: string;
  readonly schema: z.ZodType<T>;
}

/** A stored document; `created` and `revision` are positions in the order of all writes. */
interface Entry {
  readonly kind: string;
  readonly id: string;
  readonly created: number;
  readonly revision: number;
  readonly json: string;
}

/** Opens the store of a sandbox. Only one process may write at a time. */
export async function openStore(context: Context, sandbox: string): Promise<Store> {
  const stored = await readVolumes(context, sandbox);
  const entries = new Map(stored.map(({ entry }) => [keyOf(entry), entry]));
  const volumes = new Map(stored.map(({ entry, volume }) => [keyOf(entry), [volume]]));
  const writes = new Map<string, Promise<void>>();
  let revision = Math.max(0, ...stored.map(({ entry }) => entry.revision));

  const removeVolumes = async (key: string, names: readonly string[]) => {
    for (const name of names) {
      await ifExists(context.docker.getVolume(name).remove());
      setOrDelete(volumes, key, without(volumes.get(key) ?? [], name));
    }
  };
  const persist = async (key: string, entry: Entry | undefined) => {
    const old = volumes.get(key) ?? [];
    if (entry === undefined) return removeVolumes(key, old);
    volumes.set(key, [...old, await writeVolume(context, sandbox, entry)]);
    // Leftovers are harmless: the highest revision wins.
    await removeVolumes(key, old).catch(() => {});
  };
  const change = async (key: string, entry: Entry | undefined) => {
    const before = entries.get(key);
    setOrDelete(entries, key, entry);
    const write = (writes.get(key) ?? Promise.resolve()).catch(() => {}).then(() => persist(key, entry));
    writes.set(key, write);
    try {
      await write;
    } catch (error) {
      if (entries.get(key) === entry) setOrDelete(entries, key, before);
      throw error;
    } finally {
      if (writes.get(key) === write) writes.delete(key);
    }
  };
  const read = <T>({ schema }: Kind<T>, { json }: Entry) => schema.parse(JSON.parse(json));

  return {
    all: (kind) =>
      [...entries.values()]
        .filter((entry) => entry.kind === kind.name)
        .sort((a, b) => a.created - b.created)
        .map((entry) => read(kind, entry)),
    get: (kind, id) => {
      const entry = entries.get(keyOf({ kind: kind.name, id }));
      return entry === undefined ? undefined : read(kind, entry);
    },
    put: (kind, id, document) => {
      const key = keyOf({ kind: kind.name, id });
      revision += 1;
      const created = entries.get(key)?.created ?? revision;
      const entry = { kind: kind.name, id, created, revision, json: JSON.stringify(document) };
      return change(key, entry);
    },
    remove: async (kind, id) => {
      const key = keyOf({ kind: kind.name, id });
      if (entries.has(key)) await change(key, undefined);
    },
  };
}

function without(list: readonly string[], item: string): string[] | undefined {
  return list.length > 1 ? list.filter((other) => other !== item) : undefined;
}

function setOrDelete<K, V>(map: Map<K, V>, key: K, value: V | undefined): void {
  if (value === undefined) map.delete(key);
  else map.set(key, value);
}

function keyOf({ kind, id }: Pick<Entry, 'kind' | 'id'>): string {
  return `${kind}/${id}`;
}

const EntryLabel = z.object({ kind: z.string(), id: z.string(), created: z.number(), revision: z.number() });

/** Reads the newest revision of each document; removes older ones that a killed endpoint left. */
async function readVolumes(context: Context, sandbox: string) {
  const filters = { label: [`${labels.sandbox}=${sandbox}`, labels.document] };
  const { Volumes } = await context.docker.listVolumes({ filters });
  const found = (Volumes ?? []).map(({ Name: volume, Labels }) => {
    const label = EntryLabel.parse(JSON.parse(Labels[labels.document] ?? ''));
    return { volume, entry: { ...label, json: Labels[labels.content] ?? '' } };
  });
  const newest = new Map<string, (typeof found)[number]>();
  for (const document of found.sort((a, b) => a.entry.revision - b.entry.revision))
    newest.set(keyOf(document.entry), document);
  for (const one of found) {
    if (newest.get(keyOf(one.entry)) !== one) await ifExists(context.docker.getVolume(one.volume).remove());
  }
  return [...newest.values()];
}

/** Random name: creating an existing volume would return it with its old labels. */
async function writeVolume(context: Context, sandbox: string, { json, ...label }: Entry): Promise<string> {
  const name = `oneclick-${sandbox}-document-${randomUUID()}`;
  const documentLabels = { [labels.document]: JSON.stringify(label), [labels.content]: json };
  await context.docker.createVolume({ Name: name, Labels: { [labels.sandbox]: sandbox, ...documentLabels } });
  return name;
}
