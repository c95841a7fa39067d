import { atRegistry } from '../../domain/image.js';
import type { Service } from '../../domain/service.js';
import { transferRegistry } from '../../domain/transfer-registry.js';
import { selectServices } from '../choose-services.js';
import { withEnvironment } from '../connect.js';
import type { Session } from '../session.js';
import { type BuildSettings, buildImages, buildTag, type ProgramOutput } from './build-images.js';
import { type ImageTransfer, packImages } from './transfer.js';

/** The images to build for a deploy. */
export interface DeployBuild {
  readonly services: readonly string[];
  readonly only: readonly string[];
  /** Services with an image here are not built. */
  readonly images: readonly string[];
  readonly settings: BuildSettings;
  /** Send the images over SSH instead of pushing them. */
  readonly pushOverSsh: boolean;
}

/** Builds the images and pushes or packs them; returns a session with their tag as commit. */
export async function buildForDeploy(
  configured: Session,
  out: ProgramOutput,
  { services: names, only, images, settings, pushOverSsh }: DeployBuild,
): Promise<{ readonly session: Session; readonly transfer?: ImageTransfer }> {
  const session = pushOverSsh ? withoutRegistry(configured) : configured;
  const services = selectServices(session.environment.services, { services: names, only, images });
  if (!services.some(({ image }) => image.kind === 'build')) {
    session.listener.warn('this deploy has nothing to build');
    return { session };
  }
  // Missing secrets should fail the deploy before the build.
  await session.secrets.get([...new Set(services.flatMap(({ secrets }) => secrets))]);
  const tag = await buildTag(session, settings);
  const hosts = settings.platform === undefined ? await platformsOf(session, services) : [];
  const push = !pushOverSsh;
  const built = await buildImages(session, out, { services, tag, settings, hosts, push, skip: push });
  const tagged = tag.isCommit ? { ...session, commit: tag.tag } : session;
  return push
    ? { session: tagged }
    : { session: tagged, transfer: await packImages(tagged, services, built) };
}

/** Returns the platforms of the hosts. Throws the Failure of an unreachable host. */
async function platformsOf(session: Session, services: readonly Service[]): Promise<readonly string[]> {
  return withEnvironment(session, { services, brief: true }, async ({ hosts, ready }) => {
    ready();
    const [failure] = hosts.failures;
    if (failure !== undefined) throw failure;
    const versions = [...hosts.connected.values()].map(({ engine }) => engine.version());
    return (await Promise.all(versions)).map(({ platform }) => platform);
  });
}

/** Renames the images to build so that hosts pull them over SSH. */
function withoutRegistry(session: Session): Session {
  const { environment } = session;
  const { name } = transferRegistry({ project: environment.project, environment: environment.name });
  const services = environment.services.map((service) => {
    const { image } = service;
    if (image.kind !== 'build') return service;
    return { ...service, image: { ...image, repository: atRegistry(image.repository, name) } };
  });
  return { ...session, environment: { ...environment, services } };
}
