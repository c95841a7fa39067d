import {
  chmod,
  link,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { copyFiles } from '../../../src/app/copy/copy.js';
import { parseCopy } from '../../../src/app/copy/copy-arguments.js';
import { CopyCount } from '../../../src/app/copy/copy-count.js';
import { copyInstances } from '../../../src/app/copy/copy-instances.js';
import { type CopyTarget, destinationOf } from '../../../src/app/copy/destination.js';
import { MovableClock } from '../../fakes/clock.js';
import { FakeEngine } from '../../fakes/engine.js';
import { service } from '../../fakes/recipes.js';
import { type TarEntry, tarOf } from '../../fakes/tar.js';

const usage = expect.objectContaining({ kind: 'usage' });

describe('the arguments of a copy', () => {
  it('name the side in a container, and its instance', () => {
    const remote = { service: 'web', path: '/etc/app' };
    expect(parseCopy(['site.conf', 'web:/etc/app'])).toEqual({ out: false, local: 'site.conf', remote });
    expect(parseCopy(['web/2:/etc/app', '.'])).toEqual({
      out: true,
      local: '.',
      remote: { ...remote, number: 2 },
    });
    expect(parseCopy(['./web:/etc/app', 'web:a b'])).toMatchObject({
      ...{ out: false, local: './web:/etc/app' },
      remote: { path: 'a b' },
    });
  });

  it('are refused unless exactly one of two is in a container, and for archives', () => {
    const wrong = [['a', 'b'], ['web:/a', 'db:/b'], ['web:/a'], [], ['a', 'web:/a', 'b'], ['a', 'web:']];
    for (const words of [...wrong, ['-', 'web:/a'], ['', 'web:/a']])
      expect(() => parseCopy(words)).toThrow(usage);
  });
});

describe('the instances of a copy', () => {
  const services = [service('web')];
  const chosen = (out: boolean, flags: { host?: string; all?: boolean }, number?: number) =>
    copyInstances(
      services,
      { out, remote: { service: 'web', path: '/a', ...(number === undefined ? {} : { number }) } },
      { all: false, ...flags },
    ).instances.map(({ host }) => host);

  it('are the first one, the named one, or all', () => {
    expect(chosen(true, {})).toEqual(['host-1']);
    expect(chosen(true, {}, 2)).toEqual(['host-2']);
    expect(chosen(true, { host: 'host-2' })).toEqual(['host-2']);
    expect(chosen(false, { all: true })).toEqual(['host-1', 'host-2']);
  });

  it('are refused when ambiguous or unknown', () => {
    for (const refused of [
      () => chosen(true, { all: true }),
      () => chosen(false, { all: true, host: 'host-1' }),
      () => chosen(false, { host: 'host-1' }, 1),
      () => chosen(false, { host: 'host-9' }),
      () => chosen(false, {}, 9),
    ])
      expect(refused).toThrow(usage);
  });
});

describe('the target of a copy', () => {
  const at = (path: string, kind: CopyTarget['kind'], mustBeFolder = false) => ({ path, kind, mustBeFolder });
  const file = { path: 'a/note', isFolder: false };
  const folder = { path: 'a/things', isFolder: true };
  const contents = { path: 'a/things/.', isFolder: true };

  it('is inside an existing folder; contents are copied without their folder', () => {
    expect(destinationOf(file, at('/srv', 'folder'))).toEqual({ folder: '/srv', name: 'note' });
    expect(destinationOf(folder, at('/srv', 'folder'))).toEqual({ folder: '/srv', name: 'things' });
    expect(destinationOf(contents, at('/srv', 'folder'))).toEqual({ folder: '/srv' });
  });

  it('is the given name when that is a file or does not exist', () => {
    expect(destinationOf(file, at('/srv/a', 'file'))).toEqual({ folder: '/srv', name: 'a' });
    for (const source of [file, folder, contents])
      expect(destinationOf(source, at('/srv/a', 'missing'))).toEqual({ folder: '/srv', name: 'a' });
    expect(destinationOf(folder, at('/srv/a', 'missing', true))).toEqual({ folder: '/srv', name: 'a' });
  });

  it('is refused when a folder would replace a file, or a file a folder', () => {
    const refused = expect.objectContaining({ code: 'copy.target' });
    expect(() => destinationOf(folder, at('/srv/a', 'file'))).toThrow(refused);
    expect(() => destinationOf(file, at('/srv/a', 'file', true))).toThrow(refused);
    expect(() => destinationOf(file, at('/srv/a', 'missing', true))).toThrow(refused);
  });
});

let folder: string;
let engine: FakeEngine;
const past = new Date('2020-02-02T02:02:02Z');

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cp-'));
  engine = new FakeEngine({ clock: new MovableClock() });
  engine.addForeign({ name: 'web' });
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const path = (...parts: readonly string[]) => join(folder, ...parts);

async function copied(source: string, target: string, signal = new AbortController().signal) {
  const count = new CopyCount();
  const context = { engine, container: 'web', cwd: folder };
  await copyFiles(parseCopy([source, target]), context, { count, observe: (archive) => archive, signal });
  return { files: count.files, bytes: count.bytes };
}

describe('a copy into a container', () => {
  beforeEach(async () => {
    await mkdir(path('things/inner'), { recursive: true });
    await writeFile(path('things/inner/note'), 'hello');
    await chmod(path('things/inner/note'), 0o640);
    await utimes(path('things/inner/note'), past, past);
    await link(path('things/inner/note'), path('things/inner/second'));
    await symlink('/etc/passwd', path('things/out'));
  });

  it('keeps names, modes, times and links, and belongs to root', async () => {
    await copied('things', 'web:/tmp');
    const files = engine.files('web');
    expect(files.paths()).toEqual([
      ...['/tmp/things', '/tmp/things/inner', '/tmp/things/inner/note', '/tmp/things/inner/second'],
      '/tmp/things/out',
    ]);
    const note = { type: 'File', data: 'hello', mode: 0o640, mtime: past };
    const [first, second] = ['note', 'second'].map((name) => files.get(`/tmp/things/inner/${name}`));
    expect([first, second]).toContainEqual(note);
    expect([first?.link, second?.link]).toContain(`things/inner/${first?.link ? 'second' : 'note'}`);
    expect(files.get('/tmp/things/out')).toMatchObject({ type: 'SymbolicLink', link: '/etc/passwd' });
  });

  it('can be renamed, take only the contents, and follow a link to a folder', async () => {
    await copied('things/inner/note', 'web:/tmp/renamed');
    await copied('things', 'web:/tmp/new');
    engine.files('web').put('/current', { type: 'SymbolicLink', link: '/tmp/new' });
    await copied('things/inner/.', 'web:/current');
    expect(engine.files('web').get('/tmp/renamed')).toMatchObject({ data: 'hello' });
    expect(engine.files('web').paths()).toEqual(
      expect.arrayContaining(['/tmp/new/inner/note', '/tmp/new/note', '/tmp/new/second']),
    );
    expect(await copied('things/out', 'web:/tmp')).toEqual({ files: 0, bytes: 0 });
  });

  it('fails when the source or target is missing', async () => {
    await expect(copied('nothing', 'web:/tmp')).rejects.toMatchObject({ code: 'copy.source' });
    await expect(copied('things/inner/note/', 'web:/tmp')).rejects.toMatchObject({ code: 'copy.source' });
    await expect(copied('things', 'web:/no/such')).rejects.toMatchObject({ kind: 'failed' });
    await expect(copied('things/inner/note', 'web:/no/')).rejects.toMatchObject({ code: 'copy.target' });
  });
});

describe('a copy out of a container', () => {
  beforeEach(() => {
    const files = engine.files('web');
    files.put('/srv', { type: 'Directory' });
    files.put('/srv/things', { type: 'Directory', mode: 0o750, mtime: past });
    files.put('/srv/things/note', { type: 'File', data: 'hello', mode: 0o646, mtime: past });
    files.put('/srv/things/run', { type: 'File', data: '', mode: 0o4755, mtime: past });
    files.put('/srv/things/link', { type: 'SymbolicLink', link: '/etc/passwd' });
  });

  it('keeps names, modes, times and links whatever the umask', async () => {
    expect(await copied('web:/srv/things', '.')).toEqual({ files: 2, bytes: 5 });
    expect(await readFile(path('things/note'), 'utf8')).toBe('hello');
    const facts = async (name: string) => {
      const { mode, mtime } = await stat(path(name));
      return [mode & 0o7777, mtime];
    };
    expect(await facts('things/note')).toEqual([0o646, past]);
    expect(await facts('things')).toEqual([0o750, past]);
    expect(await readlink(path('things/link'))).toBe('/etc/passwd');
    // Setuid bits from a host are dropped.
    expect(await facts('things/run')).toEqual([0o755, past]);
  });

  it('can be renamed, take only the contents, and replace files', async () => {
    await writeFile(path('old'), 'a long text that was here before');
    await copied('web:/srv/things/note', 'old');
    await copied('web:/srv/things', 'new');
    await mkdir(path('there'));
    await copied('web:/srv/things/.', 'there/');
    expect(await readFile(path('old'), 'utf8')).toBe('hello');
    expect((await readdir(path('new'))).sort()).toEqual(['link', 'note', 'run']);
    expect((await readdir(path('there'))).sort()).toEqual(['link', 'note', 'run']);
  });

  it('fails for a missing source or folder, and for a whole container', async () => {
    await expect(copied('web:/nothing', '.')).rejects.toMatchObject({ code: 'copy.source' });
    await expect(copied('web:/srv', 'no/such')).rejects.toMatchObject({ code: 'copy.target' });
    await expect(copied('web:/', '.')).rejects.toMatchObject({ kind: 'usage' });
    await mkdir(path('note'));
    await mkdir(path('note/note'));
    await expect(copied('web:/srv/things/note', 'note')).rejects.toMatchObject({ code: 'copy.in-the-way' });
  });
});

describe('an archive from a hostile host', () => {
  const file = (name: string): TarEntry => ({ path: name, type: 'File', data: 'hostile' });
  const linkTo = (name: string, to: string): TarEntry => ({ path: name, type: 'SymbolicLink', link: to });

  beforeEach(async () => {
    engine.files('web').put('/srv', { type: 'Directory' });
    await mkdir(path('target'));
    await mkdir(path('outside'));
    await writeFile(path('outside/secret'), 'untouched');
  });

  const hostile: Record<string, readonly TarEntry[]> = {
    'a name with ..': [file('srv/../../outside/secret')],
    'a name that begins with ..': [file('../outside/secret')],
    'an absolute name': [file('/tmp/oneclick-hostile')],
    'a file behind a link of its own': [linkTo('srv/way', '../../outside'), file('srv/way/secret')],
    'a file in place of its own link': [linkTo('srv/way', '../../outside/secret'), file('srv/way')],
    'a folder behind a link of its own': [
      linkTo('srv/way', '../../outside'),
      { path: 'srv/way/', type: 'Directory', mode: 0 },
    ],
    'a link behind a link': [linkTo('srv/way', '../../outside'), linkTo('srv/way/secret', '/etc')],
    'a second name for what is outside': [
      { path: 'srv/second', type: 'Link', link: 'srv/../../outside/secret' },
      file('srv/second'),
    ],
    'a second name by an absolute name': [{ path: 'srv/second', type: 'Link', link: '/etc/hostname' }],
    'a second name behind a link that is here': [
      { path: 'srv/second', type: 'Link', link: 'srv/here/secret' },
    ],
    'a file behind a link that is here': [file('srv/here/secret')],
    'a file in place of a link that is here': [file('srv/door')],
    'a folder in place of a link that is here': [{ path: 'srv/here/', type: 'Directory', mode: 0 }],
    'a device and a pipe': [{ path: 'srv/pipe', type: 'FIFO' }],
    'another name than was asked for': [file('other'), file('other/../../outside/secret')],
  };

  it.each(Object.entries(hostile))('with %s writes nothing outside the target', async (_, entries) => {
    await mkdir(path('target/srv'));
    await symlink('../../outside', path('target/srv/here'));
    await symlink('../../outside/secret', path('target/srv/door'));
    engine.files('web').override = tarOf(entries);
    await copied('web:/srv', 'target').catch((error: unknown) => {
      expect(error).toMatchObject({ kind: 'failed' });
    });
    expect(await readFile(path('outside/secret'), 'utf8')).toBe('untouched');
    expect(await readdir(path('outside'))).toEqual(['secret']);
    expect((await stat(path('outside'))).mode & 0o777).not.toBe(0);
    expect((await lstat(path('outside/secret'))).nlink).toBe(1);
    await expect(lstat('/tmp/oneclick-hostile')).rejects.toMatchObject({ code: 'ENOENT' });
    expect((await readdir(folder)).sort()).toEqual(['outside', 'target']);
  });

  it('that is incomplete or invalid leaves no partial file', async () => {
    await writeFile(path('target/note'), 'whole');
    const whole = tarOf([{ path: 'note', type: 'File', data: 'x'.repeat(5000) }]);
    engine.files('web').put('/note', { type: 'File' });
    for (const forged of [whole.subarray(0, 2048), whole.subarray(0, 700), Buffer.alloc(2048, 'x')]) {
      engine.files('web').override = forged;
      await expect(copied('web:/note', 'target')).rejects.toMatchObject({ code: 'copy.archive' });
      expect(await readdir(path('target'))).toEqual(['note']);
      expect(await readFile(path('target/note'), 'utf8')).toBe('whole');
    }
  });
});
