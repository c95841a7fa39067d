import { randomBytes } from 'node:crypto';
import { type FileHandle, mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Facts } from '../../domain/facts.js';
import type { Service } from '../../domain/service.js';
import { transferRegistry } from '../../domain/transfer-registry.js';
import type { ConnectionHandler, RegistryAuth } from '../../host/host.js';
import { unreadable } from '../../image-transfer/archive.js';
import { SavedRegistry, type Sent } from '../../image-transfer/registry.js';
import { readSaved } from '../../image-transfer/saved.js';
import type { Session } from '../session.js';
import type { Built } from './build-images.js';
import { openDocker } from './docker-cli.js';

/** Images that were built here, and a registry of them for the hosts that they are for, as long as a run lasts. */
export interface ImageTransfer {
  /** The hosts that pull them. */
  readonly hosts: ReadonlySet<string>;
  /** The port of their loopback where they find the registry. */
  readonly port: number;
  /** Known to the engines that are asked to pull, and to nobody else on their hosts. */
  readonly login: RegistryAuth;
  /** What the references stand for: nobody has to be asked. */
  readonly resolved: Facts['resolved'];
  readonly take: ConnectionHandler;
  sent(): Sent;
  close(): Promise<void>;
}

/** Takes what was built for these services out of the caller's docker. Throws its failures. */
export async function packImages(
  { environment, project, context, listener }: Session,
  services: readonly Service[],
  built: readonly Built[],
): Promise<ImageTransfer> {
  const names = new Set(built.flatMap((image) => image.services));
  const { port, name } = transferRegistry({ project: environment.project, environment: environment.name });
  const done = listener.busy('taking the images out of docker', { brief: true });
  const archive = await namelessFile();
  try {
    const cli = await openDocker({ cwd: project.folder, env: context.env });
    await cli.save(
      built.map(({ reference }) => reference),
      archive.fd,
    );
    const saved = await readSaved(archive);
    const login = {
      username: 'oneclick',
      password: randomBytes(24).toString('base64url'),
      serveraddress: name,
    };
    const registry = new SavedRegistry(saved, archive, login);
    const resolved = new Map(
      saved.images.flatMap((image) => image.resolved.map((known) => [known.reference, known])),
    );
    for (const { reference } of built)
      if (!resolved.has(reference)) throw unreadable(`it lacks ${reference}`);
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

/** A file that is gone when it is closed, and with this process, however that ends. */
async function namelessFile(): Promise<FileHandle> {
  const folder = await mkdtemp(join(tmpdir(), 'oneclick-'));
  try {
    return await open(join(folder, 'images.tar'), 'wx+', 0o600);
  } finally {
    await rm(folder, { recursive: true });
  }
}
