import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { z } from 'zod';
import type { ResolvedImage } from '../domain/facts.js';
import { parseJson } from '../domain/json.js';
import { filesOf, read, type Stretch, unreadable } from './archive.js';

/** The list of images that `docker save` has always written; since 25 beside the files of an OCI layout. */
const List = z.array(
  z.object({
    Config: z.string(),
    RepoTags: z.array(z.string()).nullish(),
    Layers: z.array(z.string()).nullish(),
  }),
);
const Digest = z.string().regex(/^sha256:[0-9a-f]{64}$/);
const Config = z.object({
  os: z.string(),
  architecture: z.string(),
  variant: z.string().optional(),
  rootfs: z.object({ diff_ids: z.array(Digest).nullish() }),
});

/** The type of the manifests that are made here: every engine reads it. */
export const manifestType = 'application/vnd.docker.distribution.manifest.v2+json';
const configType = 'application/vnd.docker.container.image.v1+json';
const layerType = 'application/vnd.docker.image.rootfs.diff.tar';

/** An image as a registry has it. */
export interface SavedImage {
  /** What its tags stand for, each a whole reference. */
  readonly resolved: readonly ResolvedImage[];
  readonly manifest: Buffer;
}

/** What the caller's engine has given out: the images, and by digest where in the archive their configurations and layers are. */
export interface Saved {
  readonly images: readonly SavedImage[];
  readonly blobs: ReadonlyMap<string, Stretch>;
  /** Which of them are layers. */
  readonly layers: ReadonlySet<string>;
}

/**
 * Reads what `docker save` wrote. A digest of a layer is taken at its word, for the engine that pulls verifies it, and with the diff
 * IDs of the configuration what is unpacked. Throws a Failure when the archive is not as it should be.
 */
export async function readSaved(archive: FileHandle): Promise<Saved> {
  const files = await filesOf(archive);
  const find = (name: string) => {
    const found = files.get(name);
    if (found === undefined) throw unreadable(`it lacks ${JSON.stringify(name.slice(0, 100))}`);
    return found;
  };
  const list = List.safeParse(parseJson((await read(archive, find('manifest.json'))).toString()));
  if (!list.success) throw unreadable('manifest.json is not a list of images');
  const blobs = new Map<string, Stretch>();
  const layers = new Set<string>();
  const images: SavedImage[] = [];
  for (const { Config: name, RepoTags, Layers } of list.data) {
    const place = find(name);
    const bytes = await read(archive, place);
    const config = Config.safeParse(parseJson(bytes.toString()));
    if (!config.success) throw unreadable('the configuration of an image is none');
    const diffIds = config.data.rootfs.diff_ids ?? [];
    const described = (Layers ?? []).map((path, index) => ({ path, diffId: diffIds[index], at: find(path) }));
    if (described.length !== diffIds.length) throw unreadable('an image and its layers do not match');
    const digest = digestOf(bytes);
    blobs.set(digest, place);
    const parts = [];
    for (const { path, diffId, at } of described) {
      const own = digestIn(path) ?? diffId ?? '';
      blobs.set(own, at);
      layers.add(own);
      const mediaType = own === diffId ? layerType : await packedType(archive, at);
      parts.push({ mediaType, size: at.size, digest: own });
    }
    const manifest = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: manifestType,
        config: { mediaType: configType, size: place.size, digest },
        layers: parts,
      }),
    );
    const resolved = { digest: digestOf(manifest), platforms: [platformOf(config.data)] };
    images.push({
      manifest,
      resolved: (RepoTags ?? []).map((reference) => ({ reference, ...resolved })),
    });
  }
  return { images, blobs, layers };
}

/** The digest that an OCI layout calls a file by. The classic layout calls a layer by the ID of an image: it is the tar of the diff ID. */
function digestIn(path: string): string | undefined {
  const [, hex] = /^blobs\/sha256\/([0-9a-f]{64})$/.exec(path) ?? [];
  return hex === undefined ? undefined : `sha256:${hex}`;
}

/** Engines with containerd's store keep layers as they were pulled. */
async function packedType(archive: FileHandle, at: Stretch): Promise<string> {
  const start = (await read(archive, { start: at.start, size: Math.min(4, at.size) })).toString('hex');
  if (start.startsWith('1f8b')) return `${layerType}.gzip`;
  return start === '28b52ffd' ? `${layerType}.zstd` : layerType;
}

function platformOf({ os, architecture, variant }: z.infer<typeof Config>): string {
  return [os, architecture, ...(variant ? [variant] : [])].join('/');
}

function digestOf(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}
