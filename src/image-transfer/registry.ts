import { timingSafeEqual } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { parseImage } from '../domain/image.js';
import { readPieces, type Stretch } from './archive.js';
import { manifestType, type Saved } from './saved.js';

/** Who may ask. */
export interface Login {
  readonly username: string;
  readonly password: string;
}

/** How much has left. */
export interface Sent {
  readonly layers: number;
  /** Of layers and all else. */
  readonly bytes: number;
}

interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Or where in the archive it is. */
  readonly content: Buffer | (Stretch & { readonly digest: string });
}

const json = { 'content-type': 'application/json' };

/**
 * A registry of a few images that can only be read, as far as engines need one to pull
 * (https://distribution.github.io/distribution/spec/api/). It listens nowhere: connections are handed to it.
 */
export class SavedRegistry {
  readonly #saved: Saved;
  readonly #archive: FileHandle;
  readonly #login: Buffer;
  readonly #server = createServer((asked, answer) => {
    // Whoever asked has hung up, or finds out that this is not all.
    this.#answer(asked, answer).catch(() => answer.destroy());
  });
  /** By repository and what it may be asked for: `acme/web`, then a tag or a digest. */
  readonly #manifests = new Map<string, Map<string, Reply>>();
  #sent: Sent = { layers: 0, bytes: 0 };

  constructor(saved: Saved, archive: FileHandle, { username, password }: Login) {
    this.#saved = saved;
    this.#archive = archive;
    this.#login = Buffer.from(`Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`);
    for (const { manifest, resolved } of saved.images)
      for (const { reference, digest } of resolved) {
        const { path, tag = '' } = parseImage(reference);
        const reply = ok(manifestType, digest, manifest);
        const known = this.#manifests.get(path) ?? new Map<string, Reply>();
        this.#manifests.set(path, known.set(tag, reply).set(digest, reply));
      }
  }

  get sent(): Sent {
    return this.#sent;
  }

  /** Answers what comes through this connection, until it ends. */
  serve(connection: Duplex): void {
    this.#server.emit('connection', connection);
  }

  async #answer(asked: IncomingMessage, answer: ServerResponse): Promise<void> {
    const { status, headers, content } = this.#reply(asked.resume());
    const size = Buffer.isBuffer(content) ? content.length : content.size;
    answer.writeHead(status, {
      'docker-distribution-api-version': 'registry/2.0',
      'content-length': size,
      ...headers,
    });
    if (asked.method === 'HEAD' || size === 0) answer.end();
    else if (Buffer.isBuffer(content)) answer.end(content);
    else {
      await pipeline(readPieces(this.#archive, content), answer);
      this.#count(content.digest, size);
    }
  }

  #reply({ method = '', url = '', headers }: IncomingMessage): Reply {
    if (!this.#admits(headers.authorization))
      return refusal(401, 'UNAUTHORIZED', 'authentication required', {
        'www-authenticate': 'Basic realm="oneclick"',
      });
    if (method !== 'GET' && method !== 'HEAD')
      return refusal(405, 'UNSUPPORTED', 'this registry can only be read');
    if (url === '/v2/') return { status: 200, headers: json, content: Buffer.from('{}') };
    const [, path = '', kind = '', name = ''] =
      /^\/v2\/([a-z0-9][a-z0-9._/-]*)\/(manifests|blobs)\/([\w][\w.:-]{0,127})$/.exec(url) ?? [];
    const manifests = this.#manifests.get(path);
    if (manifests === undefined) return refusal(404, 'NAME_UNKNOWN', 'repository name not known');
    const found = kind === 'manifests' ? manifests.get(name) : this.#blob(name);
    if (found !== undefined) return found;
    return kind === 'manifests'
      ? refusal(404, 'MANIFEST_UNKNOWN', 'manifest unknown')
      : refusal(404, 'BLOB_UNKNOWN', 'blob unknown to registry');
  }

  #blob(digest: string): Reply | undefined {
    const place = this.#saved.blobs.get(digest);
    return place && ok('application/octet-stream', digest, { ...place, digest });
  }

  #count(digest: string, size: number): void {
    const { layers, bytes } = this.#sent;
    this.#sent = { layers: layers + (this.#saved.layers.has(digest) ? 1 : 0), bytes: bytes + size };
  }

  #admits(said = ''): boolean {
    const given = Buffer.from(said);
    return given.length === this.#login.length && timingSafeEqual(given, this.#login);
  }
}

function ok(type: string, digest: string, content: Reply['content']): Reply {
  return { status: 200, headers: { 'content-type': type, 'docker-content-digest': digest }, content };
}

function refusal(status: number, code: string, message: string, headers: Reply['headers'] = {}): Reply {
  const content = Buffer.from(JSON.stringify({ errors: [{ code, message }] }));
  return { status, headers: { ...json, ...headers }, content };
}
