import { z } from 'zod';
import type { Facts, HostFacts } from '../domain/facts.js';
import { Failure } from '../domain/failure.js';
import { parseImage, withDigest } from '../domain/image.js';
import { current, keepsImage, releaseLog } from '../domain/log.js';
import { dockerOn } from '../domain/plain-command.js';
import type { Service } from '../domain/service.js';
import type { Subject } from '../domain/task.js';
import { transferRegistry } from '../domain/transfer-registry.js';
import { hostFacts, hostName, placeOf, serviceOf, task } from './task.js';

export const ResolvedImage = z.strictObject({
  /** As it was asked for. */
  reference: z.string(),
  /** `repository@sha256:…` */
  image: z.string(),
  /** As the configuration says it. */
  written: z.string().optional(),
});

/** Decides on one digest for all instances of a service. */
export const imageResolve = task({
  name: 'image.resolve',
  version: 1,
  scope: 'service',
  needs: ['hosts', 'registry'],
  summary: 'Decides which digest of the image all instances of a service get.',
  provides: 'image',
  input: z.strictObject({}),
  intent: z.strictObject({}),
  receipt: ResolvedImage,
  title: (_, subject) => `decide on an image for ${serviceOf(subject).name}`,
  check(facts, _, subject) {
    const service = serviceOf(subject);
    if (service.image.kind === 'build') return blocked(noTag(service));
    const { reference } = service.image;
    const written = service.image.written ?? reference;
    const active = current(releaseLog(facts, service.name))?.release;
    if (active !== undefined && keepsImage(service.image, active)) {
      return {
        kind: 'done',
        because: `it stays at ${active.reference} of release ${active.number}; name ${service.name} to move it`,
        receipt: { reference: active.reference, image: active.spec.image, written },
        news: true,
      };
    }
    const resolved = facts.resolved[reference];
    if (resolved === undefined) {
      return blocked(new Failure('failed', 'image.unknown', `no registry answered for ${reference}`));
    }
    const wrong = service.instances.flatMap(({ host }) =>
      wrongPlatform(facts, host, reference, resolved.platforms),
    );
    if (wrong.length > 0) return { kind: 'blocked', problems: wrong };
    return {
      kind: 'done',
      because: `${reference} is ${resolved.digest.slice(0, 19)}`,
      receipt: { reference, image: withDigest(reference, resolved.digest), written },
      news: true,
    };
  },
  explain: () => [],
  apply: () => Promise.reject(new Error('image.resolve has nothing to apply')),
  undo: 'nothing',
});

function blocked(problem: Failure): { kind: 'blocked'; problems: readonly Failure[] } {
  return { kind: 'blocked', problems: [problem] };
}

function noTag(service: Service): Failure {
  return new Failure(
    'usage',
    'image.no-tag',
    `${service.name} is built from this project, and no tag was given`,
    {
      hint: 'give one: --tag TAG',
    },
  );
}

function wrongPlatform(
  facts: Facts,
  name: string,
  reference: string,
  platforms: readonly string[],
): Failure[] {
  const { engine } = hostFacts(facts, name);
  if (platforms.length === 0 || platforms.some((platform) => sameArchitecture(platform, engine.platform)))
    return [];
  const message = `${reference} exists for ${platforms.join(', ')}, and this host is ${engine.platform}`;
  return [
    new Failure('failed', 'image.platform', message, { host: name, hint: `build it for ${engine.platform}` }),
  ];
}

/** Registries add variants (`linux/arm64/v8`) that engines leave out. */
function sameArchitecture(a: string, b: string): boolean {
  const [os, architecture] = a.split('/');
  return b === `${os}/${architecture}` || b.startsWith(`${os}/${architecture}/`);
}

const PullIntent = z.strictObject({ image: z.string(), reference: z.string() });

/** Pulls the image where it is missing; what runs is not touched. */
export const imagePull = task({
  name: 'image.pull',
  version: 1,
  scope: 'instance',
  needs: ['hosts'],
  summary: 'Pulls the image by digest, with the credentials of the caller, where it is missing.',
  input: z.strictObject({ image: z.string(), reference: z.string() }),
  intent: PullIntent,
  receipt: z.strictObject({}),
  defaults: { image: '{{ image.image }}', reference: '{{ image.reference }}' },
  title: ({ reference }) => `pull ${reference}`,
  check(facts, input, subject) {
    const { host } = placeOf(facts, subject);
    if (hasImage(host, input.image)) return { kind: 'done', because: 'it is already there', receipt: {} };
    const problem = notLent(facts, host, subject, input) ?? diskTooFull(host, input.image);
    if (problem !== undefined) return blocked(problem);
    return {
      kind: 'todo',
      changes: [{ host: host.host, text: `pull ${input.reference}` }],
      intent: input,
      expect: {},
      predict: (later) => withImage(later, host.host, input.image),
    };
  },
  explain: ({ image, reference }, subject) => [
    dockerOn(hostName(subject), `pull ${reference}, with what docker login left there`, 'pull', image),
  ],
  async apply({ ports, subject, signal, progress }, { image, reference }) {
    const { engine } = ports.host(hostName(subject));
    await engine.pull(
      image,
      await ports.auth(reference),
      ({ done, total, layers, layersDone }) =>
        progress(`${layersDone} of ${layers} layers`, total === 0 ? undefined : done / total),
      signal,
    );
    return {};
  },
  // A pulled image changes nothing that runs, and makes the next try faster; `release.prune` removes it in time.
  undo: 'nothing',
});

/** What came over SSH is in no registry: only a run that has built it, and knows its digest by that, can give it to a host. */
function notLent(
  facts: Facts,
  { host }: HostFacts,
  { run }: Subject,
  { image, reference }: z.infer<typeof PullIntent>,
): Failure | undefined {
  if (parseImage(image).registry !== transferRegistry(run).name) return undefined;
  const known = facts.resolved[reference];
  if (known !== undefined && withDigest(reference, known.digest) === image) return undefined;
  const { tag = 'it' } = parseImage(reference);
  const message = `${reference} came over SSH, is not on this host any more, and is in no registry`;
  return new Failure('failed', 'image.gone', message, {
    host,
    hint: `check out ${tag}, then: oneclick deploy --build --push-over-ssh`,
  });
}

/** An adopted container is of an image by whichever name it was made from, and keeps it on the host while it is there. */
function hasImage(host: HostFacts, image: string): boolean {
  return (
    host.images.some(({ digests }) => digests.includes(image)) ||
    (!image.includes('@') && host.containers.some((container) => container.image === image))
  );
}

function withImage(facts: Facts, name: string, image: string): Facts {
  const host = hostFacts(facts, name);
  const images = [...host.images, { id: image, digests: [image], tags: [], size: 0 }];
  return { ...facts, hosts: { ...facts.hosts, [name]: { ...host, images } } };
}

/** Bytes that must be free at least: layers are unpacked while they arrive. */
const leastFree = 256 * 1024 * 1024;

/** The size of a new image is not known before it is there: the largest one of its repository stands for it. */
function diskTooFull(host: HostFacts, image: string): Failure | undefined {
  const repository = image.split('@')[0];
  const before = host.images.filter(({ digests }) =>
    digests.some((digest) => digest.split('@')[0] === repository),
  );
  const needed = Math.max(leastFree, ...before.map(({ size }) => size));
  if (host.diskFree === undefined || host.diskFree >= needed) return undefined;
  const megabytes = (bytes: number) => `${Math.round(bytes / 1024 / 1024)} MB`;
  const message = `${megabytes(host.diskFree)} free for images, ${megabytes(needed)} needed`;
  return new Failure('failed', 'disk.full', message, {
    host: host.host,
    hint: 'make room there: docker system prune, or a larger disk',
  });
}
