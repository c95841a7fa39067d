import { createHash } from 'node:crypto';

const digestOf = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
const encoded = (value: unknown) => Buffer.from(JSON.stringify(value));

/** An entry of a tar archive: a file, or a link to another name. */
export interface Entry {
  readonly name: string;
  readonly content?: Buffer;
  readonly symlink?: string;
  readonly hardlink?: string;
  /** The records of its pax header. */
  readonly pax?: Readonly<Record<string, string>>;
}

/** An archive like those of Go's archive/tar. */
export function tarOf(entries: readonly Entry[]): Buffer {
  const parts = entries.flatMap(({ name, content = Buffer.alloc(0), symlink, hardlink, pax }) => {
    const type = symlink !== undefined ? '2' : hardlink !== undefined ? '1' : '0';
    const notes = Buffer.concat(Object.entries(pax ?? {}).map(([key, value]) => note(key, value)));
    return [
      ...(pax === undefined ? [] : blocks('PaxHeaders.0/x', 'x', notes)),
      ...blocks(name, type, content, symlink ?? hardlink),
    ];
  });
  return Buffer.concat([...parts, Buffer.alloc(1024)]);
}

function blocks(name: string, type: string, content: Buffer, link = ''): Buffer[] {
  const head = Buffer.alloc(512);
  head.write(name.slice(0, 100), 0);
  head.write(`${content.length.toString(8).padStart(11, '0')}\0`, 124);
  head.write(type, 156);
  head.write(link, 157);
  head.write('ustar\x0000', 257, 'latin1');
  return [head, content, Buffer.alloc((512 - (content.length % 512)) % 512)];
}

/** A pax record; its length includes itself. */
function note(key: string, value: string): Buffer {
  const rest = ` ${key}=${value}\n`;
  for (let digits = 1; ; digits += 1) {
    const line = `${Buffer.byteLength(rest) + digits}${rest}`;
    if (`${Buffer.byteLength(rest) + digits}`.length === digits) return Buffer.from(line);
  }
}

/** The image to save. */
export interface Image {
  readonly tag: string;
  readonly layers: readonly Buffer[];
  readonly platform?: Readonly<Record<'os' | 'architecture', string>>;
}

/** An image configuration; `diffs` are the unpacked layers. */
export function configOf({ layers, platform }: Image, diffs = layers): Buffer {
  const diff_ids = diffs.map((layer) => `sha256:${digestOf(layer)}`);
  const { os, architecture } = platform ?? { os: 'linux', architecture: 'amd64' };
  return encoded({ os, architecture, rootfs: { type: 'layers', diff_ids } });
}

/** The format of `docker save` before version 25: layers by ID, equal ones as links. */
export function classicLayout(images: readonly Image[]): Entry[] {
  const seen = new Map<string, string>();
  const entries: Entry[] = [];
  const list = images.map((image, number) => {
    const config = configOf(image);
    const name = `${digestOf(config)}.json`;
    const Layers = image.layers.map((content, index) => {
      const path = `${digestOf(Buffer.from(`${number} ${index}`))}/layer.tar`;
      const known = seen.get(digestOf(content));
      entries.push(known === undefined ? { name: path, content } : { name: path, symlink: `../${known}` });
      seen.set(digestOf(content), known ?? path);
      return path;
    });
    entries.push({ name, content: config });
    return { Config: name, RepoTags: [image.tag], Layers };
  });
  return [...entries, { name: 'manifest.json', content: encoded(list) }];
}

/** The format since version 25: files by digest; `unpacked` differs if containerd keeps layers compressed. */
export function ociLayout(image: Image, unpacked = image.layers): Entry[] {
  const path = (content: Buffer) => `blobs/sha256/${digestOf(content)}`;
  const config = configOf(image, unpacked);
  const list = [{ Config: path(config), RepoTags: [image.tag], Layers: image.layers.map(path) }];
  return [
    ...[...image.layers, config].map((content) => ({ name: path(content), content })),
    { name: 'index.json', content: encoded({ schemaVersion: 2, manifests: [] }) },
    { name: 'manifest.json', content: encoded(list) },
    { name: 'oci-layout', content: encoded({ imageLayoutVersion: '1.0.0' }) },
  ];
}
