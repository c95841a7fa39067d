import { Failure } from '../domain/failure.js';
import { parseImage, withTag } from '../domain/image.js';
import { nearest } from '../domain/nearest.js';
import type { Service } from '../domain/service.js';

/** Which services a command is about, on which hosts, and which images they get. */
export interface ServiceSelection {
  /** By name; none for all. */
  readonly services: readonly string[];
  /** Hosts by name; none for all. */
  readonly only: readonly string[];
  /** `REF`, or `service=REF`. */
  readonly images: readonly string[];
  readonly tag?: string;
  /** The commit of the project, the tag of what is built from it. */
  readonly commit?: string;
}

/** The services of the environment as the command wants them. Throws usage failures that name what exists. */
export function selectServices(all: readonly Service[], choice: ServiceSelection): readonly Service[] {
  const names = all.map(({ name }) => name);
  for (const name of choice.services) requireKnown('service', name, names);
  const hosts = [...new Set(all.flatMap(({ instances }) => instances.map(({ host }) => host)))];
  for (const name of choice.only) requireKnown('host', name, hosts);
  const images = imagesByService(choice, names);
  const named = new Set([...choice.services, ...images.keys()]);
  const wanted = choice.services.length === 0 ? all : all.filter(({ name }) => named.has(name));
  return wanted.flatMap((service) => {
    const instances = service.instances.filter(
      ({ host }) => choice.only.length === 0 || choice.only.includes(host),
    );
    if (instances.length === 0) return refuseElsewhere(service, named.has(service.name));
    const image = imageOf(service, choice, images.get(service.name), named.has(service.name));
    return [{ ...service, image, instances }];
  });
}

/** The hosts of the chosen services that were not chosen. */
export function untouchedHosts(all: readonly Service[], chosen: readonly Service[]): readonly string[] {
  const hosts = (services: readonly Service[]) =>
    new Set(services.flatMap(({ instances }) => instances.map(({ host }) => host)));
  const touched = hosts(chosen);
  const whole = hosts(all.filter(({ name }) => chosen.some((service) => service.name === name)));
  return [...whole].filter((host) => !touched.has(host));
}

/** A service that has none of the hosts is not part of the command, unless it was asked for. */
function refuseElsewhere({ name, instances }: Service, named: boolean): [] {
  if (!named) return [];
  throw new Failure('usage', 'service.elsewhere', `${name} does not run on the hosts that were named`, {
    hint: `${name} runs on ${instances.map(({ host }) => host).join(', ')}`,
  });
}

/** Throws a usage Failure with the nearest name, or all, when the name is not known. */
export function requireKnown(kind: string, name: string, known: readonly string[]): void {
  if (known.includes(name)) return;
  const near = nearest(name, known);
  throw new Failure('usage', `${kind}.unknown`, `there is no ${kind} "${name}"`, {
    hint: near === undefined ? `there are ${known.join(', ')}` : `did you mean ${near}?`,
  });
}

function imagesByService(choice: ServiceSelection, names: readonly string[]): ReadonlyMap<string, string> {
  const images = new Map<string, string>();
  for (const text of choice.images) {
    const [, service, named] = /^([a-z0-9][a-z0-9-]*)=(.+)$/.exec(text) ?? [];
    if (service !== undefined) requireKnown('service', service, names);
    const only =
      choice.services.length === 1 ? choice.services[0] : names.length === 1 ? names[0] : undefined;
    const target = service ?? only;
    if (target === undefined) {
      throw new Failure('usage', 'image.service', `--image ${text}: for which service?`, {
        hint: `write --image ${names[0] ?? 'web'}=${text}`,
      });
    }
    const reference = named ?? text;
    parseImage(reference);
    images.set(target, reference);
  }
  return images;
}

/** What was named moves to what its reference stands for now; what was not stays at the digest in the release log. */
function imageOf(
  service: Service,
  choice: ServiceSelection,
  image: string | undefined,
  named: boolean,
): Service['image'] {
  const written = service.image.kind === 'fixed' ? { written: service.image.reference } : {};
  if (image !== undefined) return { kind: 'fixed', reference: image, moves: true, ...written };
  if (service.image.kind === 'fixed') {
    if (named && choice.tag !== undefined) {
      return {
        kind: 'fixed',
        reference: withTag(service.image.reference, choice.tag),
        moves: true,
        ...written,
      };
    }
    return { ...service.image, moves: named };
  }
  const tag = choice.tag ?? choice.commit;
  if (tag === undefined) return service.image;
  return { kind: 'fixed', reference: `${service.image.repository}:${tag}`, moves: true };
}
