import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { Context } from '../context.js';
import { ifExists, labels } from '../docker.js';

/**
 * What the region knows, kept in labels of Docker volumes: a document under an ID, by kind (`security-group`). An endpoint
 * that is started again knows what the one before it knew. Documents are JSON; what is read is a copy.
 */
export interface Store {
  /** The documents of a kind, by ID; oldest first. */
  all<T>(kind: Kind<T>): readonly T[];
  get<T>(kind: Kind<T>, id: string): T | undefined;
  /**
   * To be read at once, so that nothing comes between a look and a put of the same turn; resolves when it would
   * survive the end of this process. What cannot be kept is taken back.
   */
  put<T>(kind: Kind<T>, id: string, document: T): Promise<void>;
  /** Gone at once; resolves when it would stay gone. */
  remove<T>(kind: Kind<T>, id: string): Promise<void>;
}

/** A kind of document: what it is called, and what it must look like when it is read. */
export interface Kind<T> {
  readonly name: string;
  readonly schema: z.ZodType<T>;
}

/** A document, and where it stands among all that were ever put. */
interface Entry {
  readonly kind: string;
  readonly id: string;
  readonly created: number;
  readonly revision: number;
  readonly json: string;
}

/** The store of a sandbox, with what the endpoints before this one have put. At most one at a time may write. */
export async function openStore(context: Context, sandbox: string): Promise<Store> {
  const kept = await readVolumes(context, sandbox);
  const entries = new Map(kept.map(({ entry }) => [keyOf(entry), entry]));
  const volumes = new Map(kept.map(({ entry, volume }) => [keyOf(entry), [volume]]));
  const turns = new Map<string, Promise<void>>();
  let last = Math.max(0, ...kept.map(({ entry }) => entry.revision));

  const clear = async (key: string, names: readonly string[]) => {
    for (const name of names) {
      await ifExists(context.docker.getVolume(name).remove());
      set(volumes, key, without(volumes.get(key) ?? [], name));
    }
  };
  const keep = async (key: string, entry: Entry | undefined) => {
    const old = volumes.get(key) ?? [];
    if (entry === undefined) return clear(key, old);
    volumes.set(key, [...old, await writeVolume(context, sandbox, entry)]);
    // What stays of the old ones does no harm, for the higher revision counts; it goes with the next change or start.
    await clear(key, old).catch(() => {});
  };
  const change = async (key: string, entry: Entry | undefined) => {
    const before = entries.get(key);
    set(entries, key, entry);
    const turn = (turns.get(key) ?? Promise.resolve()).catch(() => {}).then(() => keep(key, entry));
    turns.set(key, turn);
    try {
      await turn;
    } catch (error) {
      if (entries.get(key) === entry) set(entries, key, before);
      throw error;
    } finally {
      if (turns.get(key) === turn) turns.delete(key);
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
      last += 1;
      const created = entries.get(key)?.created ?? last;
      const entry = { kind: kind.name, id, created, revision: last, json: JSON.stringify(document) };
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

function set<K, V>(map: Map<K, V>, key: K, value: V | undefined): void {
  if (value === undefined) map.delete(key);
  else map.set(key, value);
}

function keyOf({ kind, id }: Pick<Entry, 'kind' | 'id'>): string {
  return `${kind}/${id}`;
}

const Place = z.object({
  kind: z.string(),
  id: z.string(),
  created: z.number(),
  revision: z.number(),
});

/** The newest revision of each document; older ones, which an endpoint that was killed has left, are removed. */
async function readVolumes(context: Context, sandbox: string) {
  const filters = { label: [`${labels.sandbox}=${sandbox}`, labels.document] };
  const { Volumes } = await context.docker.listVolumes({ filters });
  const found = (Volumes ?? []).map(({ Name: volume, Labels }) => {
    const place = Place.parse(JSON.parse(Labels[labels.document] ?? ''));
    return { volume, entry: { ...place, json: Labels[labels.content] ?? '' } };
  });
  const newest = new Map<string, (typeof found)[number]>();
  for (const one of found.sort((a, b) => a.entry.revision - b.entry.revision))
    newest.set(keyOf(one.entry), one);
  for (const one of found) {
    if (newest.get(keyOf(one.entry)) !== one) await ifExists(context.docker.getVolume(one.volume).remove());
  }
  return [...newest.values()];
}

/** The volume's name is random: the engine answers a name that it knows with the old volume and its labels. */
async function writeVolume(context: Context, sandbox: string, { json, ...place }: Entry): Promise<string> {
  const name = `oneclick-${sandbox}-document-${randomUUID()}`;
  const own = { [labels.document]: JSON.stringify(place), [labels.content]: json };
  await context.docker.createVolume({ Name: name, Labels: { [labels.sandbox]: sandbox, ...own } });
  return name;
}
