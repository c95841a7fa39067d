import { randomBytes } from 'node:crypto';
import { type FileHandle, mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Facts } from '../../domain/facts.js';
import type { Service } from '../../domain/service.js';
import { transferRegistry } from '../../domain/transfer-registry.js';
import type { ConnectionHandler, RegistryAuth } from '../../host/host.js';
import { unreadableArchive } from '../../image-transfer/archive.js';
import { ReadOnlyRegistry, type TransferStats } from '../../image-transfer/registry.js';
import { readSavedImages } from '../../image-transfer/saved.js';
import type { Session } from '../session.js';
import type { Built } from './build-images.js';
import { openDocker } from './docker-cli.js';

/** Locally built images, and a registry that serves them to the hosts during a run. */
export interface ImageTransfer {
  /** The hosts that pull them. */
  readonly hosts: ReadonlySet<string>;
  /** The loopback port of the registry on the hosts. */
  readonly port: number;
  /** Given only to the engines, so that other processes on the hosts cannot pull. */
  readonly login: RegistryAuth;
  /** The digests of the references, so that no registry needs to resolve them. */
  readonly resolved: Facts['resolved'];
  readonly take: ConnectionHandler;
  sent(): TransferStats;
  close(): Promise<void>;
}

/** Exports the images that were built for the services. Throws the failures of docker. */
export async function packImages(
  { environment, project, context, listener }: Session,
  services: readonly Service[],
  built: readonly Built[],
): Promise<ImageTransfer> {
  const names = new Set(built.flatMap((image) => image.services));
  const { port, name } = transferRegistry({ project: environment.project, environment: environment.name });
  const done = listener.busy('exporting the images', { brief: true });
  const archive = await unlinkedFile();
  try {
    const cli = await openDocker({ cwd: project.folder, env: context.env });
    await cli.save(
      built.map(({ reference }) => reference),
      archive.fd,
    );
    const saved = await readSavedImages(archive);
    const login = {
      username: 'oneclick',
      password: randomBytes(24).toString('base64url'),
      serveraddress: name,
    };
    const registry = new ReadOnlyRegistry(saved, archive, login);
    const resolved = new Map(
      saved.images.flatMap((image) => image.resolved.map((known) => [known.reference, known])),
    );
    for (const { reference } of built)
      if (!resolved.has(reference)) throw unreadableArchive(`${reference} is missing`);
    return {
      hosts: new Set(
        services
          .filter((service) => names.has(service.name))
          .flatMap(({ instances }) => instances.map(({ host }) => host)),
      ),
      port,
      login,
      resolved: Object.fromEntries(resolved),
      take: (connection) => registry.serve(connection),
      sent: () => registry.sent,
      close: () => archive.close(),
    };
  } catch (error) {
    await archive.close();
    throw error;
  } finally {
    done();
  }
}

/** An open file without a name: it disappears with this process. */
async function unlinkedFile(): Promise<FileHandle> {
  const folder = await mkdtemp(join(tmpdir(), 'oneclick-'));
  try {
    return await open(join(folder, 'images.tar'), 'wx+', 0o600);
  } finally {
    await rm(folder, { recursive: true });
  }
}
