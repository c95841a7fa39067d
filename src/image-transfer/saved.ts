import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { z } from 'zod';
import type { ResolvedImage } from '../domain/facts.js';
import { parseJson } from '../domain/json.js';
import { type ByteRange, listTarFiles, readRange, unreadableArchive } from './archive.js';

/** The image list of `docker save`; Docker 25 and later also write an OCI layout. */
const ImageList = z.array(
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

/** The media type of generated manifests, which every engine supports. */
export const manifestType = 'application/vnd.docker.distribution.manifest.v2+json';
const configType = 'application/vnd.docker.container.image.v1+json';
const layerType = 'application/vnd.docker.image.rootfs.diff.tar';

/** An image with its manifest, as in a registry. */
export interface SavedImage {
  /** Its references with their digest. */
  readonly resolved: readonly ResolvedImage[];
  readonly manifest: Buffer;
}

/** The images of an archive, and the byte ranges of their configurations and layers by digest. */
export interface SavedImages {
  readonly images: readonly SavedImage[];
  readonly blobs: ReadonlyMap<string, ByteRange>;
  /** The digests of layers. */
  readonly layers: ReadonlySet<string>;
}

/**
 * Reads an archive of `docker save`. Does not verify layer digests: the engine that pulls does. Throws a Failure for an
 * invalid archive.
 */
export async function readSavedImages(archive: FileHandle): Promise<SavedImages> {
  const files = await listTarFiles(archive);
  const find = (name: string) => {
    const found = files.get(name);
    if (found === undefined) throw unreadableArchive(`${JSON.stringify(name.slice(0, 100))} is missing`);
    return found;
  };
  const list = ImageList.safeParse(parseJson((await readRange(archive, find('manifest.json'))).toString()));
  if (!list.success) throw unreadableArchive('manifest.json is not a list of images');
  const blobs = new Map<string, ByteRange>();
  const layers = new Set<string>();
  const images: SavedImage[] = [];
  for (const { Config: name, RepoTags, Layers } of list.data) {
    const place = find(name);
    const bytes = await readRange(archive, place);
    const config = Config.safeParse(parseJson(bytes.toString()));
    if (!config.success) throw unreadableArchive('an image configuration is invalid');
    const diffIds = config.data.rootfs.diff_ids ?? [];
    const described = (Layers ?? []).map((path, index) => ({ path, diffId: diffIds[index], at: find(path) }));
    if (described.length !== diffIds.length) throw unreadableArchive('an image does not match its layers');
    const digest = digestOf(bytes);
    blobs.set(digest, place);
    const parts = [];
    for (const { path, diffId, at } of described) {
      const own = digestFromPath(path) ?? diffId ?? '';
      blobs.set(own, at);
      layers.add(own);
      const mediaType = own === diffId ? layerType : await layerMediaType(archive, at);
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

/** Returns the digest in an OCI layout path; undefined in the classic layout, where the diff ID is the digest. */
function digestFromPath(path: string): string | undefined {
  const [, hex] = /^blobs\/sha256\/([0-9a-f]{64})$/.exec(path) ?? [];
  return hex === undefined ? undefined : `sha256:${hex}`;
}

/** Detects compression: engines with the containerd store keep layers as pulled. */
async function layerMediaType(archive: FileHandle, at: ByteRange): Promise<string> {
  const start = (await readRange(archive, { start: at.start, size: Math.min(4, at.size) })).toString('hex');
  if (start.startsWith('1f8b')) return `${layerType}.gzip`;
  return start === '28b52ffd' ? `${layerType}.zstd` : layerType;
}

function platformOf({ os, architecture, variant }: z.infer<typeof Config>): string {
  return [os, architecture, ...(variant ? [variant] : [])].join('/');
}

function digestOf(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}
