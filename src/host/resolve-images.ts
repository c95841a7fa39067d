import type { Facts, ResolvedImage } from '../domain/facts.js';
import { Failure } from '../domain/failure.js';
import { given } from '../domain/given.js';
import { familiarName, parseImage, withDigest } from '../domain/image.js';
import { current, releaseLog } from '../domain/log.js';
import type { Service } from '../domain/service.js';
import type { Host, WithLogin } from './host.js';

/** The images to resolve in their registries. */
export interface ResolveRequest {
  readonly services: readonly Service[];
  /** Whether to resolve image references in the registry. */
  readonly resolves: boolean;
  /** Already resolved; not queried again. */
  readonly resolved: Readonly<Record<string, ResolvedImage>>;
  readonly withLogin: WithLogin;
  /** For a dry run: the images that a deploy would build first. */
  readonly builds?: PlannedBuilds;
  /** The services that can be built from the project. */
  readonly buildable?: ReadonlySet<string>;
  /** The services that keep their current image if the registry is down, because nobody asked for another one. */
  readonly unasked?: ReadonlySet<string>;
}

/** Images that a deploy would build, by reference; those of a commit only unless they are in the registry. */
export type PlannedBuilds = Readonly<Record<string, 'always' | 'unless-pushed'>>;

/** The resolved images, and the services that may keep theirs because the registry is down. */
export interface ResolvedImages {
  readonly resolved: Readonly<Record<string, ResolvedImage>>;
  readonly unreachable: readonly { readonly service: Service; readonly failure: Failure }[];
}

/** Resolves the images of services, each through a host that runs it; adds failures to `problems`. */
export async function resolveImages(
  hosts: readonly Host[],
  request: ResolveRequest,
  services: readonly Service[],
  problems: Failure[],
): Promise<ResolvedImages> {
  if (!request.resolves) return { resolved: {}, unreachable: [] };
  const found = await Promise.all(
    services.map(async (service) => {
      const { name, image, instances } = service;
      const host = hosts.find((candidate) => instances.some((instance) => instance.host === candidate.name));
      if (image.kind !== 'fixed' || host === undefined) return {};
      const { reference } = image;
      if (request.resolved[reference] !== undefined) return {};
      const failures: Failure[] = [];
      const hintOf = (failure: Failure) =>
        request.buildable?.has(name) ? buildHint(name, failure) : failure.hint;
      const act = () => resolveOrBuild(host, request, reference);
      const resolved = await attempt(failures, host.name, act, hintOf);
      const [failure] = failures;
      if (failure?.code === 'registry.unreachable' && request.unasked?.has(name))
        return { unreachable: { service, failure } };
      problems.push(...failures);
      return resolved === undefined ? {} : { resolved };
    }),
  );
  return {
    resolved: Object.fromEntries(
      found.flatMap(({ resolved }) => (resolved === undefined ? [] : [[resolved.reference, resolved]])),
    ),
    unreachable: found.flatMap(({ unreachable = [] }) => unreachable),
  };
}

async function resolveOrBuild(
  host: Host,
  { withLogin, builds = {} }: ResolveRequest,
  reference: string,
): Promise<ResolvedImage> {
  const unbuilt = { reference, digest: `sha256:${'0'.repeat(64)}`, platforms: [], toBuild: true } as const;
  if (builds[reference] === 'always') return unbuilt;
  try {
    return await withLogin(host, reference, (login) => host.engine.resolve(reference, login));
  } catch (error) {
    if (error instanceof Failure && builds[reference] !== undefined) return unbuilt;
    throw error;
  }
}

/** Whether the reference has a digest: there is nothing to resolve. */
export function isPinned({ image }: Service): boolean {
  return image.kind === 'fixed' && parseImage(image.reference).digest !== undefined;
}

/** Resolves references with a digest whose image is on every host of the service, so that no registry is needed. */
export function pinnedOnHosts(
  { hosts }: Facts,
  services: readonly Service[],
): Readonly<Record<string, ResolvedImage>> {
  const found = services.flatMap(({ image, instances }) => {
    if (image.kind !== 'fixed') return [];
    const { reference } = image;
    const { digest } = parseImage(reference);
    if (digest === undefined) return [];
    const name = familiarName(withDigest(reference, digest));
    const isPresent = instances.every(({ host }) =>
      hosts[host]?.images.some(({ digests }) => digests.includes(name)),
    );
    return isPresent ? [[reference, { reference, digest, platforms: [] }] as const] : [];
  });
  return Object.fromEntries(found);
}

/** Keeps the current images of services whose registry is down; it is a problem if they run another reference. */
export function keepCurrent(
  facts: Facts,
  unreachable: ResolvedImages['unreachable'],
  problems: Failure[],
): Readonly<Record<string, ResolvedImage>> {
  const kept = unreachable.flatMap(({ service, failure }) => {
    const active = current(releaseLog(facts, service.name))?.release;
    const digest = active === undefined ? undefined : parseImage(active.spec.image).digest;
    const wanted = service.image.kind === 'fixed' ? service.image.reference : undefined;
    if (active === undefined || digest === undefined || active.reference !== wanted) {
      problems.push(failure);
      return [];
    }
    const { reference } = active;
    return [[reference, { reference, digest, platforms: [], unchecked: failure.message }] as const];
  });
  return Object.fromEntries(kept);
}

/** Registries also deny access to repositories that do not exist. */
function buildHint(service: string, { code, hint }: Failure): string | undefined {
  if (code === 'image.not-found')
    return `add --build to build it first, or push it: oneclick build ${service} --push`;
  return code === 'image.access' ? `${hint}; if it was never pushed, add --build` : hint;
}

/** Returns the result of `act`, or adds its Failure to `problems`, with the host and a hint. */
export async function attempt<T>(
  problems: Failure[],
  host: string,
  act: () => Promise<T>,
  hintOf: (failure: Failure) => string | undefined = ({ hint }) => hint,
): Promise<T | undefined> {
  try {
    return await act();
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    const { kind, code, message, evidence, cause } = error;
    const details = { host, evidence, cause, ...given({ hint: hintOf(error) }) };
    problems.push(new Failure(kind, code, message, details));
    return undefined;
  }
}
