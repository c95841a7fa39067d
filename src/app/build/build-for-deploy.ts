import { atRegistry } from '../../domain/image.js';
import type { Service } from '../../domain/service.js';
import { transferRegistry } from '../../domain/transfer-registry.js';
import type { PlannedBuilds } from '../../host/resolve-images.js';
import { selectServices } from '../choose-services.js';
import { withEnvironment } from '../connect.js';
import type { Session } from '../session.js';
import {
  type BuildSettings,
  buildImages,
  buildTag,
  mayBePushed,
  type ProgramOutput,
  targetsOf,
} from './build-images.js';
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
  const services = servicesToBuild(session, { names, only, images });
  if (services.length === 0) return { session };
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

/** Returns the images that {@link buildForDeploy} would build, and its session; runs nothing but git. */
export async function planBuilds(
  configured: Session,
  { services: names, only, images, settings, pushOverSsh }: DeployBuild,
): Promise<{ readonly session: Session; readonly builds: PlannedBuilds }> {
  const session = pushOverSsh ? withoutRegistry(configured) : configured;
  const services = servicesToBuild(session, { names, only, images });
  if (services.length === 0) return { session, builds: {} };
  const { tag, isCommit } = await buildTag(session, settings);
  const builds = targetsOf(services, tag).map((target) => {
    const isReused = !pushOverSsh && mayBePushed(session, target, settings, isCommit);
    return [target.reference, isReused ? 'unless-pushed' : 'always'] as const;
  });
  return {
    session: isCommit ? { ...session, commit: tag } : session,
    builds: Object.fromEntries(builds),
  };
}

/** Returns the chosen services, if any of them is built. */
function servicesToBuild(
  { environment, listener }: Session,
  { names, only, images }: Readonly<Record<'names' | 'only' | 'images', readonly string[]>>,
): readonly Service[] {
  const services = selectServices(environment.services, { services: names, only, images });
  if (services.some(({ image }) => image.kind === 'build')) return services;
  listener.warn('this deploy has nothing to build');
  return [];
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
