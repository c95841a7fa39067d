import { timingSafeEqual } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { parseImage } from '../domain/image.js';
import { type ByteRange, readChunks } from './archive.js';
import { manifestType, type SavedImages } from './saved.js';

/** The credentials that clients must send. */
export interface RegistryLogin {
  readonly username: string;
  readonly password: string;
}

/** The layers and bytes sent so far. */
export interface TransferStats {
  readonly layers: number;
  /** Including configurations. */
  readonly bytes: number;
}

interface RegistryResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** The content, or its range in the archive. */
  readonly content: Buffer | (ByteRange & { readonly digest: string });
}

const json = { 'content-type': 'application/json' };

/**
 * A read-only registry that implements as much of https://distribution.github.io/distribution/spec/api/ as engines need
 * to pull. It does not listen on a port: the caller passes connections to {@link serve}.
 */
export class ReadOnlyRegistry {
  readonly #saved: SavedImages;
  readonly #archive: FileHandle;
  readonly #login: Buffer;
  readonly #server = createServer((request, response) => {
    // The client has disconnected, or must notice a truncated response.
    this.#answer(request, response).catch(() => response.destroy());
  });
  /** By repository (`acme/web`), then by tag or digest. */
  readonly #manifests = new Map<string, Map<string, RegistryResponse>>();
  #sent: TransferStats = { layers: 0, bytes: 0 };

  constructor(saved: SavedImages, archive: FileHandle, { username, password }: RegistryLogin) {
    this.#saved = saved;
    this.#archive = archive;
    this.#login = Buffer.from(`Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`);
    for (const { manifest, resolved } of saved.images)
      for (const { reference, digest } of resolved) {
        const { path, tag = '' } = parseImage(reference);
        const reply = contentResponse(manifestType, digest, manifest);
        const known = this.#manifests.get(path) ?? new Map<string, RegistryResponse>();
        this.#manifests.set(path, known.set(tag, reply).set(digest, reply));
      }
  }

  get sent(): TransferStats {
    return this.#sent;
  }

  /** Serves requests on a connection until it closes. */
  serve(connection: Duplex): void {
    this.#server.emit('connection', connection);
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { status, headers, content } = this.#reply(request.resume());
    const size = Buffer.isBuffer(content) ? content.length : content.size;
    response.writeHead(status, {
      'docker-distribution-api-version': 'registry/2.0',
      'content-length': size,
      ...headers,
    });
    if (request.method === 'HEAD' || size === 0) response.end();
    else if (Buffer.isBuffer(content)) response.end(content);
    else {
      await pipeline(readChunks(this.#archive, content), response);
      this.#count(content.digest, size);
    }
  }

  #reply({ method = '', url = '', headers }: IncomingMessage): RegistryResponse {
    if (!this.#admits(headers.authorization))
      return errorResponse(401, 'UNAUTHORIZED', 'authentication required', {
        'www-authenticate': 'Basic realm="oneclick"',
      });
    if (method !== 'GET' && method !== 'HEAD')
      return errorResponse(405, 'UNSUPPORTED', 'this registry is read-only');
    if (url === '/v2/') return { status: 200, headers: json, content: Buffer.from('{}') };
    const [, path = '', kind = '', name = ''] =
      /^\/v2\/([a-z0-9][a-z0-9._/-]*)\/(manifests|blobs)\/([\w][\w.:-]{0,127})$/.exec(url) ?? [];
    const manifests = this.#manifests.get(path);
    if (manifests === undefined) return errorResponse(404, 'NAME_UNKNOWN', 'repository name not known');
    const found = kind === 'manifests' ? manifests.get(name) : this.#blob(name);
    if (found !== undefined) return found;
    return kind === 'manifests'
      ? errorResponse(404, 'MANIFEST_UNKNOWN', 'manifest unknown')
      : errorResponse(404, 'BLOB_UNKNOWN', 'blob unknown to registry');
  }

  #blob(digest: string): RegistryResponse | undefined {
    const place = this.#saved.blobs.get(digest);
    return place && contentResponse('application/octet-stream', digest, { ...place, digest });
  }

  #count(digest: string, size: number): void {
    const { layers, bytes } = this.#sent;
    this.#sent = { layers: layers + (this.#saved.layers.has(digest) ? 1 : 0), bytes: bytes + size };
  }

  #admits(authorization = ''): boolean {
    const given = Buffer.from(authorization);
    return given.length === this.#login.length && timingSafeEqual(given, this.#login);
  }
}

function contentResponse(
  type: string,
  digest: string,
  content: RegistryResponse['content'],
): RegistryResponse {
  return { status: 200, headers: { 'content-type': type, 'docker-content-digest': digest }, content };
}

function errorResponse(
  status: number,
  code: string,
  message: string,
  headers: RegistryResponse['headers'] = {},
): RegistryResponse {
  const content = Buffer.from(JSON.stringify({ errors: [{ code, message }] }));
  return { status, headers: { ...json, ...headers }, content };
}
