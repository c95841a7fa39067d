import type { Environment } from '../domain/environment.js';
import { Failure } from '../domain/failure.js';
import { given } from '../domain/given.js';
import { parseImage, withTag } from '../domain/image.js';
import { nearest } from '../domain/nearest.js';
import type { Service } from '../domain/service.js';
import { unknownName } from '../domain/unknown-name.js';

/** The services, hosts and images that a command names. */
export interface ServiceSelection {
  /** Names; empty for all. */
  readonly services: readonly string[];
  /** Host names; empty for all. */
  readonly only: readonly string[];
  /** `REF`, or `service=REF`. */
  readonly images: readonly string[];
  readonly tag?: string;
  /** The commit of the project, which is the tag of images built from it. */
  readonly commit?: string;
}

/** Returns the named services with the named hosts and images. Throws usage failures that list the known names. */
export function selectServices(all: readonly Service[], selection: ServiceSelection): readonly Service[] {
  const names = all.map(({ name }) => name);
  for (const name of selection.services) requireKnown('service', name, names);
  for (const name of selection.only) requireKnown('host', name, hostNames(all));
  const images = imagesByService(selection, names);
  const named = new Set([...selection.services, ...images.keys(), ...taggedService(all, selection)]);
  const wanted = selection.services.length === 0 ? all : all.filter(({ name }) => named.has(name));
  return wanted.flatMap((service) => {
    const instances = service.instances.filter(
      ({ host }) => selection.only.length === 0 || selection.only.includes(host),
    );
    if (instances.length === 0) return notOnHosts(service, named.has(service.name));
    const image = imageOf(service, selection, images.get(service.name), named.has(service.name));
    return [{ ...service, image, instances }];
  });
}

/**
 * Returns the names of chosen services with the tag of the commit, which neither the service nor a tag was named for: they may
 * keep a current image with that tag if the registry is down.
 */
export function unaskedServices(
  all: readonly Service[],
  chosen: readonly Service[],
  { services, tag, commit }: Pick<ServiceSelection, 'services' | 'tag' | 'commit'>,
): readonly string[] {
  if (tag !== undefined || commit === undefined) return [];
  const references = new Map(
    all.flatMap(({ name, image }) =>
      image.kind === 'build' ? [[name, `${image.repository}:${commit}`]] : [],
    ),
  );
  const isUnasked = ({ name, image }: Service) =>
    !services.includes(name) && image.kind === 'fixed' && image.reference === references.get(name);
  return chosen.filter(isUnasked).map(({ name }) => name);
}

/**
 * Returns the hosts that a change of the chosen services reads but does not change: their other hosts, and hosts on which they may
 * have run before. These are hosts without a configured service and, for singletons, all hosts. The `ignored` ones
 * are left out.
 */
export function untouchedHosts(
  environment: Pick<Environment, 'services' | 'hosts'>,
  chosen: readonly Service[],
  ignored: readonly string[] = [],
): readonly string[] {
  const touched = new Set(hostNames(chosen));
  const own = environment.services.filter(({ name }) => chosen.some((service) => service.name === name));
  const used = new Set(hostNames(environment.services));
  const formerHosts = environment.hosts
    .map(({ name }) => name)
    .filter((name) => chosen.some(({ singleton }) => singleton) || !used.has(name));
  const found = [...new Set([...hostNames(own), ...formerHosts])].filter((host) => !touched.has(host));
  return found.filter((host) => !ignored.includes(host));
}

/** The names of all hosts that run the services. */
export const hostNames = (services: readonly Service[]): readonly string[] => [
  ...new Set(services.flatMap(({ instances }) => instances.map(({ host }) => host))),
];

/** Skips a service without any of the hosts, unless it was named. */
function notOnHosts({ name, instances }: Service, named: boolean): [] {
  if (!named) return [];
  throw new Failure('usage', 'service.elsewhere', `${name} does not run on the named hosts`, {
    hint: `${name} runs on ${instances.map(({ host }) => host).join(', ')}`,
  });
}

/** Throws a usage Failure if the name is unknown; lists all names and suggests the nearest. */
export function requireKnown(kind: string, name: string, known: readonly string[]): void {
  if (known.includes(name)) return;
  const near = nearest(name, known);
  const hint = near === undefined ? undefined : `did you mean ${near}?`;
  throw new Failure('usage', `${kind}.unknown`, unknownName(kind, name, known), given({ hint }));
}

function imagesByService(selection: ServiceSelection, names: readonly string[]): ReadonlyMap<string, string> {
  const images = new Map<string, string>();
  for (const text of selection.images) {
    const [, service, named] = /^([a-z0-9][a-z0-9-]*)=(.+)$/.exec(text) ?? [];
    if (service !== undefined) requireKnown('service', service, names);
    const only =
      selection.services.length === 1 ? selection.services[0] : names.length === 1 ? names[0] : undefined;
    const target = service ?? only;
    if (target === undefined) {
      throw new Failure('usage', 'image.service', `--image ${text} must name a service`, {
        hint: `use --image ${names[0] ?? 'web'}=${text}`,
      });
    }
    const reference = named ?? text;
    parseImage(reference);
    images.set(target, reference);
  }
  return images;
}

/**
 * The only service, if the tag would apply to no other: a CI must not believe that it is deployed. Throws a usage Failure if
 * there are several.
 */
function taggedService(all: readonly Service[], { services, tag }: ServiceSelection): readonly string[] {
  const names = all.map(({ name }) => name);
  if (tag === undefined || services.length > 0 || all.some(({ image }) => image.kind !== 'fixed')) return [];
  if (names.length === 1) return names;
  throw new Failure(
    'usage',
    'tag.service',
    `--tag ${tag} must name a service (available: ${names.join(', ')})`,
    { hint: `run: oneclick deploy ${names[0] ?? 'web'} --tag ${tag}` },
  );
}

/** A named service resolves its tag again; others keep the digest in the release log. */
function imageOf(
  service: Service,
  selection: ServiceSelection,
  image: string | undefined,
  named: boolean,
): Service['image'] {
  const written = service.image.kind === 'fixed' ? { written: service.image.reference } : {};
  if (image !== undefined) return { kind: 'fixed', reference: image, moves: true, ...written };
  if (service.image.kind === 'fixed') {
    if (named && selection.tag !== undefined) {
      return {
        kind: 'fixed',
        reference: withTag(service.image.reference, selection.tag),
        moves: true,
        ...written,
      };
    }
    return { ...service.image, moves: named };
  }
  const tag = selection.tag ?? selection.commit;
  if (tag === undefined) return service.image;
  return { kind: 'fixed', reference: `${service.image.repository}:${tag}`, moves: true };
}
