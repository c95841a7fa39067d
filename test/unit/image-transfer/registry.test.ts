import { createHash } from 'node:crypto';
import { type FileHandle, mkdtemp, open, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { duplexPair } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ReadOnlyRegistry } from '../../../src/image-transfer/registry.js';
import { readSavedImages } from '../../../src/image-transfer/saved.js';
import { classicLayout, type Entry, ociLayout, tarOf } from '../../fakes/saved-images.js';

const tag = '127.0.0.1:20000/acme/web:v1';
const [base, own] = [Buffer.from('base '.repeat(400_000)), Buffer.from('own')];
const login = { username: 'oneclick', password: 'of this deploy' };
const digestOf = (bytes: Buffer) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

let folder: string;
let archive: FileHandle;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'saved-'));
  archive = await open(join(folder, 'images.tar'), 'wx+');
});
afterEach(async () => {
  await archive.close();
  await rm(folder, { recursive: true });
});

async function saved(entries: readonly Entry[]) {
  await archive.write(tarOf(entries));
  return readSavedImages(archive);
}

interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: Buffer;
}

const admitted = { auth: `${login.username}:${login.password}` };

function ask(registry: ReadOnlyRegistry, path: string, options: object = admitted): Promise<Reply> {
  const [here, there] = duplexPair();
  registry.serve(there);
  return new Promise((resolve, reject) => {
    const asked = request({ createConnection: () => here, path, ...options });
    asked.on('error', reject).on('response', (answer) => {
      const { statusCode: status = 0, headers } = answer;
      buffer(answer).then((body) => resolve({ status, headers, body }), reject);
    });
    asked.end();
  });
}

async function serving(entries: readonly Entry[]) {
  return new ReadOnlyRegistry(await saved(entries), archive, login);
}

/** Pulls like an engine and verifies every digest. */
async function pull(registry: ReadOnlyRegistry, reference: string) {
  const manifest = await ask(registry, `/v2/acme/web/manifests/${reference}`);
  expect(manifest.headers['docker-content-digest']).toBe(digestOf(manifest.body));
  const { config, layers } = JSON.parse(manifest.body.toString());
  const digests: string[] = [];
  for (const { digest, size } of [config, ...layers]) {
    const { status, body } = await ask(registry, `/v2/acme/web/blobs/${digest}`);
    expect([status, body.length, digestOf(body)]).toEqual([200, size, digest]);
    digests.push(digestOf(body));
  }
  const types = layers.map(({ mediaType }: { mediaType: string }) => mediaType.replace(/^.*diff\./, ''));
  return { digest: digestOf(manifest.body), layers: digests.slice(1), types };
}

describe('the registry of saved images', () => {
  it.each([
    ['before 25', classicLayout([{ tag, layers: [base, own] }])],
    ['since 25', ociLayout({ tag, layers: [base, own] })],
  ])('has the image of an engine %s, by tag and by digest', async (_, entries) => {
    const images = await saved(entries);
    const [{ resolved: [known] = [] } = {}] = images.images;
    expect(known).toMatchObject({ reference: tag, platforms: ['linux/amd64'] });
    const registry = new ReadOnlyRegistry(images, archive, login);
    const pulled = await pull(registry, 'v1');
    expect(pulled).toEqual({
      digest: known?.digest,
      layers: [base, own].map(digestOf),
      types: ['tar', 'tar'],
    });
    expect(await pull(registry, pulled.digest)).toEqual(pulled);
  });

  it('has the same digest for an image from any engine', async () => {
    const one = await saved(classicLayout([{ tag, layers: [base, own] }]));
    await archive.truncate();
    const bytes = tarOf(ociLayout({ tag, layers: [base, own] }));
    await archive.write(bytes, 0, bytes.length, 0);
    expect((await readSavedImages(archive)).images).toEqual(one.images);
  });

  it('serves compressed layers of containerd unchanged, with their media type', async () => {
    const packed = [gzipSync(base), Buffer.from('28b52ffd00', 'hex')];
    const registry = await serving(ociLayout({ tag, layers: packed }, [base, own]));
    expect(await pull(registry, 'v1')).toMatchObject({
      layers: packed.map(digestOf),
      types: ['tar.gzip', 'tar.zstd'],
    });
  });

  it('serves linked layers that images share, and an image without layers', async () => {
    const other = '127.0.0.1:20000/acme/worker:v1';
    const empty = '127.0.0.1:20000/acme/empty:v1';
    const entries = classicLayout([
      { tag: other, layers: [base] },
      { tag, layers: [base, own] },
      { tag: empty, layers: [] },
    ]);
    const registry = await serving(entries);
    expect((await pull(registry, 'v1')).layers).toEqual([base, own].map(digestOf));
    expect((await ask(registry, '/v2/acme/empty/manifests/v1')).status).toBe(200);
  });

  it('reads names from pax headers and follows hard links', async () => {
    const entries = ociLayout({ tag, layers: [own] });
    const moved = entries.map((entry) =>
      entry.content === own
        ? { ...entry, name: 'elsewhere', pax: { path: 'really/here', mtime: '1.5' } }
        : entry,
    );
    const link = { name: `blobs/sha256/${digestOf(own).slice(7)}`, hardlink: 'really/here' };
    expect((await pull(await serving([...moved, link]), 'v1')).layers).toEqual([digestOf(own)]);
  });

  it('counts sent layers, and answers HEAD without a body', async () => {
    const registry = await serving(classicLayout([{ tag, layers: [base, own] }]));
    const path = `/v2/acme/web/blobs/${digestOf(own)}`;
    const head = await ask(registry, path, { ...admitted, method: 'HEAD' });
    expect([head.status, head.headers['content-length'], head.body.length]).toEqual([200, '3', 0]);
    expect(registry.sent).toEqual({ layers: 0, bytes: 0 });
    await ask(registry, path);
    expect(registry.sent).toEqual({ layers: 1, bytes: 3 });
  });

  it('survives a client that disconnects', async () => {
    const registry = await serving(classicLayout([{ tag, layers: [base, own] }]));
    const [here, there] = duplexPair();
    registry.serve(there);
    const authorization = `Basic ${Buffer.from(admitted.auth).toString('base64')}`;
    here.write(
      `GET /v2/acme/web/blobs/${digestOf(base)} HTTP/1.1\r\nhost: x\r\nauthorization: ${authorization}\r\n\r\n`,
    );
    await new Promise((resolve) => here.once('data', resolve));
    here.destroy();
    there.destroy();
    expect((await pull(registry, 'v1')).layers).toEqual([base, own].map(digestOf));
    expect(registry.sent.layers).toBe(2);
  });

  it.each([
    ['without a login', '/v2/', {}, 401],
    ['with another login', '/v2/', { auth: 'oneclick:of another deploy' }, 401],
    ['for the API version', '/v2/', admitted, 200],
    ['to write', '/v2/acme/web/blobs/uploads/', { ...admitted, method: 'POST' }, 405],
    ['to remove', '/v2/acme/web/manifests/v1', { ...admitted, method: 'DELETE' }, 405],
    ['for another tag', '/v2/acme/web/manifests/v2', admitted, 404],
    ['for another repository', '/v2/acme/db/manifests/v1', admitted, 404],
    ['for an unknown blob', `/v2/acme/web/blobs/sha256:${'0'.repeat(64)}`, admitted, 404],
    ['for a file of the archive', '/v2/acme/web/blobs/manifest.json', admitted, 404],
    ['for a path outside', '/v2/acme/web/blobs/../../../../etc/passwd', admitted, 404],
    ['for an encoded path outside', '/v2/acme/web/blobs/..%2f..%2fetc%2fpasswd', admitted, 404],
    ['for a property of every object', '/v2/acme/web/manifests/constructor', admitted, 404],
    ['for the catalogue', '/v2/_catalog', admitted, 404],
    ['for something else', '/', admitted, 404],
  ])('answers a request %s with its status', async (_, path, options, status) => {
    const registry = await serving(classicLayout([{ tag, layers: [own] }]));
    const answer = await ask(registry, path, options);
    expect(answer.status).toBe(status);
    expect(registry.sent.bytes).toBe(0);
    if (status === 401) expect(answer.headers['www-authenticate']).toMatch(/^Basic /);
  });
});

describe('an invalid archive', () => {
  const list = (value: unknown) => ({ name: 'manifest.json', content: Buffer.from(JSON.stringify(value)) });
  const good = classicLayout([{ tag, layers: [own] }]);
  const config = good.find(({ name }) => name.endsWith('.json'))?.name ?? '';

  it.each<[string, readonly Entry[]]>([
    ['is empty', []],
    ['has no list', good.slice(0, -1)],
    ['has a list that is none', [list({ Config: 'x' })]],
    ['names a file outside', [list([{ Config: '../../../../etc/passwd', RepoTags: [tag], Layers: [] }])]],
    [
      'links to a file outside',
      [...good, { name: 'c', symlink: '/etc/passwd' }, list([{ Config: 'c', Layers: [] }])],
    ],
    [
      'has cyclic links',
      [{ name: 'a', symlink: 'b' }, { name: 'b', symlink: 'a' }, list([{ Config: 'a', Layers: [] }])],
    ],
    ['lacks layers that the configuration has', [...good, list([{ Config: config, Layers: [] }])]],
    ['has a configuration that is none', [list([{ Config: 'manifest.json', Layers: [] }])]],
    [
      'has an invalid digest',
      [
        {
          name: 'c',
          content: Buffer.from('{"os":"linux","architecture":"amd64","rootfs":{"diff_ids":["sha256:../x"]}}'),
        },
        { name: 'l', content: own },
        list([{ Config: 'c', Layers: ['l'] }]),
      ],
    ],
    ['describes at great length', [{ name: 'manifest.json', content: Buffer.alloc(5_000_000, ' ') }]],
    ['has a broken header', [{ name: 'x', pax: { path: 'y', size: '-1' } }]],
  ])('is rejected if it %s', async (_, entries) => {
    await expect(saved(entries)).rejects.toMatchObject({ kind: 'failed', code: 'shipment.unreadable' });
  });

  it('is rejected if it is truncated or not an archive', async () => {
    const whole = tarOf(good);
    await archive.write(whole.subarray(0, 700));
    await expect(readSavedImages(archive)).rejects.toMatchObject({
      message: expect.stringContaining('truncated'),
    });
    await archive.write(Buffer.from('no archive'.repeat(100)), 0, 1000, 0);
    await expect(readSavedImages(archive)).rejects.toMatchObject({ code: 'shipment.unreadable' });
  });
});
