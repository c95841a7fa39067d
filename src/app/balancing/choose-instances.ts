import { namedBy } from '../../domain/balancing.js';
import { Failure } from '../../domain/failure.js';
import { nearest } from '../../domain/nearest.js';
import type { Service } from '../../domain/service.js';

/**
 * The services with only the instances that were named: by ID, host, place (`web/2`), or `Name` tag, which `findTagged`
 * looks up. Throws a usage Failure that lists the known ones.
 */
export async function chooseInstances(
  services: readonly Service[],
  names: readonly string[],
  findTagged: (
    names: readonly string[],
  ) => Promise<readonly { id: string; tags: Readonly<Record<string, string>> }[]>,
): Promise<readonly Service[]> {
  const all = services.flatMap(({ name, instances }) =>
    instances.map(({ id, host }, index) => ({ service: name, id, host, place: index + 1 })),
  );
  const unknown = names.filter((word) => namedBy(word, all).length === 0);
  const tagged = unknown.length === 0 ? [] : await findTagged(unknown);
  const chosen = names.flatMap((word) => {
    const ids = tagged.filter(({ tags }) => tags.Name === word).map(({ id }) => id);
    const found = [word, ...ids].flatMap((each) => namedBy(each, all));
    if (found.length === 0) throw unknownInstance(word, all);
    return found;
  });
  return services.flatMap((service) => {
    const instances = service.instances.filter(({ id }) =>
      chosen.some((place) => place.service === service.name && place.id === id),
    );
    return instances.length === 0 ? [] : [{ ...service, instances }];
  });
}

function unknownInstance(
  word: string,
  all: readonly {
    readonly service: string;
    readonly id: string;
    readonly host: string;
    readonly place: number;
  }[],
): Failure {
  const known = all.flatMap(({ service, id, host, place }) => [`${service}/${place}`, id, host]);
  const near = nearest(word, known);
  const list = all.map(({ service, id, host, place }) => `${service}/${place}: ${id} (${host})`);
  return new Failure('usage', 'instance.unknown', `unknown instance "${word}"`, {
    hint: near === undefined ? 'list them with oneclick lb status' : `did you mean ${near}?`,
    evidence: list.slice(0, 12),
  });
}
