import { Header, Parser } from 'tar';

/** An entry of a tar archive; its path may be invalid. */
export interface TarEntry {
  readonly path: string;
  readonly type: 'File' | 'Directory' | 'SymbolicLink' | 'Link' | 'FIFO';
  /** The content of a file. */
  readonly data?: string;
  /** The target of a link. */
  readonly link?: string;
  readonly mode?: number;
  readonly mtime?: Date;
}

const block = 512;

/** An archive with these entries, valid or not. */
export function tarOf(entries: readonly TarEntry[]): Buffer {
  const parts = entries.map(({ path, type, data = '', link, mode = 0o644, mtime = new Date(0) }) => {
    const body = Buffer.from(data);
    const header = new Header({
      ...{ path, type, mode, mtime, size: body.length, uid: 0, gid: 0 },
      ...(link === undefined ? {} : { linkpath: link }),
    });
    header.encode();
    const gap = Buffer.alloc((block - (body.length % block)) % block);
    return Buffer.concat([header.block ?? Buffer.alloc(block), body, gap]);
  });
  return Buffer.concat([...parts, Buffer.alloc(2 * block)]);
}

/** Reads the entries of an archive. */
export async function entriesOf(archive: AsyncIterable<Buffer>): Promise<readonly TarEntry[]> {
  const found: Promise<TarEntry>[] = [];
  const parser = new Parser({ strict: true });
  parser.on('entry', (entry) => {
    const { path, type, mode = 0, mtime = new Date(0), linkpath } = entry;
    if (type !== 'File' && type !== 'Directory' && type !== 'SymbolicLink' && type !== 'Link')
      throw new Error(`unexpected type ${type}`);
    const facts = { path, type, mode, mtime };
    if (type !== 'File') entry.resume();
    if (type === 'File') found.push(entry.concat().then((data: Buffer) => ({ ...facts, data: `${data}` })));
    else found.push(Promise.resolve(linkpath ? { ...facts, link: linkpath } : facts));
  });
  const ended = new Promise((resolve, reject) => parser.on('end', resolve).on('error', reject));
  for await (const chunk of archive) parser.write(chunk);
  parser.end();
  await ended;
  return Promise.all(found);
}
