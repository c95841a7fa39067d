import { z } from 'zod';
import type { Facts, HostFacts } from '../domain/facts.js';
import { Failure } from '../domain/failure.js';
import { familiarName, parseImage, withDigest } from '../domain/image.js';
import { current, keepsImage, releaseLog } from '../domain/log.js';
import { dockerOn } from '../domain/plain-command.js';
import type { Service } from '../domain/service.js';
import type { Subject } from '../domain/task.js';
import { transferRegistry } from '../domain/transfer-registry.js';
import type { PullProgress } from '../host/host.js';
import { hostFacts, hostName, instanceOf, serviceOf, task } from './task.js';

/** An image reference resolved to a digest. */
export const ResolvedImage = z.strictObject({
  /** As requested. */
  reference: z.string(),
  /** `repository@sha256:…` */
  image: z.string(),
  /** As written in the configuration. */
  written: z.string().optional(),
});

/** Resolves the image of a service to one digest for all instances. */
export const imageResolve = task({
  name: 'image.resolve',
  version: 1,
  scope: 'service',
  needs: ['hosts', 'registry'],
  summary: 'Resolves the image to one digest for all instances of the service.',
  provides: 'image',
  input: z.strictObject({}),
  intent: z.strictObject({}),
  receipt: ResolvedImage,
  title: (_, subject) => `resolve the image of ${serviceOf(subject).name}`,
  check(facts, _, subject) {
    const service = serviceOf(subject);
    if (service.image.kind === 'build') return blocked(noTag(service));
    const { reference } = service.image;
    const written = service.image.written ?? reference;
    const active = current(releaseLog(facts, service.name))?.release;
    if (active !== undefined && keepsImage(service.image, active)) {
      return {
        kind: 'done',
        because: `stays on ${active.reference} (release ${active.number}); name ${service.name} to update it`,
        receipt: { reference: active.reference, image: active.spec.image, written },
        news: true,
      };
    }
    const resolved = facts.resolved[reference];
    if (resolved === undefined) {
      return blocked(
        new Failure('failed', 'image.unknown', `cannot resolve ${reference}: no registry answered`),
      );
    }
    const receipt = { reference, image: withDigest(reference, resolved.digest), written };
    if (resolved.unchecked !== undefined)
      return {
        kind: 'done',
        because: `stays on ${reference}: the registry is down`,
        receipt,
        news: true,
        cautions: [`${service.name} keeps its current image: ${resolved.unchecked}`],
      };
    if (resolved.toBuild) return { kind: 'done', because: `${reference} will be built`, receipt, news: true };
    const wrong = service.instances.flatMap(({ host }) =>
      wrongPlatform(facts, host, reference, resolved.platforms),
    );
    if (wrong.length > 0) return { kind: 'blocked', problems: wrong };
    return {
      kind: 'done',
      because: `${reference} is ${resolved.digest.slice(0, 19)}`,
      receipt,
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
    `the tag of ${service.name} is missing: its image is built from this project`,
    {
      hint: 'pass --tag TAG, or --build to build the image',
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
  const message = `${reference} is for ${platforms.join(', ')}, but this host is ${engine.platform}`;
  return [
    new Failure('failed', 'image.platform', message, {
      host: name,
      hint: `build the image for ${engine.platform}`,
    }),
  ];
}

/** Registries add variants (`linux/arm64/v8`) that engines omit. */
function sameArchitecture(a: string, b: string): boolean {
  const [os, architecture] = a.split('/');
  return b === `${os}/${architecture}` || b.startsWith(`${os}/${architecture}/`);
}

const PullIntent = z.strictObject({ image: z.string(), reference: z.string() });

/** Pulls the image on hosts that lack it. */
export const imagePull = task({
  name: 'image.pull',
  version: 1,
  scope: 'instance',
  needs: ['hosts'],
  summary: "Pulls the image by digest, with the caller's or the host's login, on hosts that lack it.",
  input: z.strictObject({ image: z.string(), reference: z.string() }),
  intent: PullIntent,
  receipt: z.strictObject({}),
  defaults: { image: '{{ image.image }}', reference: '{{ image.reference }}' },
  title: ({ reference }) => `pull ${reference}`,
  check(facts, input, subject) {
    const { host } = instanceOf(facts, subject);
    if (hasImage(host, input.image)) return { kind: 'done', because: 'already pulled', receipt: {} };
    const problem = lostTransfer(facts, host, subject, input) ?? diskTooFull(host, input.image);
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
    dockerOn(hostName(subject), `pull ${reference}, with the docker login of the host`, 'pull', image),
  ],
  async apply({ ports, subject, signal, progress }, { image, reference }) {
    const host = ports.host(hostName(subject));
    const onProgress = ({ done, total, layers, layersDone }: PullProgress) =>
      progress(`${layersDone} of ${layers} layers`, total === 0 ? undefined : done / total);
    await ports.withLogin(host, reference, (login) => host.engine.pull(image, login, onProgress, signal));
    return {};
  },
  // Unused images do no harm and speed up a retry; `release.prune` removes them.
  undo: 'nothing',
});

/** An image pushed over SSH is in no registry: only the run that built it can send it. */
function lostTransfer(
  facts: Facts,
  { host }: HostFacts,
  { run }: Subject,
  { image, reference }: z.infer<typeof PullIntent>,
): Failure | undefined {
  if (parseImage(image).registry !== transferRegistry(run).name) return undefined;
  const known = facts.resolved[reference];
  if (known !== undefined && withDigest(reference, known.digest) === image) return undefined;
  const { tag = 'its commit' } = parseImage(reference);
  const message = `${reference} was pushed over SSH, is in no registry, and is gone from this host`;
  return new Failure('failed', 'image.gone', message, {
    host,
    hint: `check out ${tag}, then: oneclick deploy --build --push-over-ssh`,
  });
}

/** An adopted container may have no digest; it keeps its image on the host. */
function hasImage(host: HostFacts, image: string): boolean {
  return (
    host.images.some(({ digests }) => digests.includes(familiarName(image))) ||
    (!image.includes('@') && host.containers.some((container) => container.image === image))
  );
}

function withImage(facts: Facts, name: string, image: string): Facts {
  const host = hostFacts(facts, name);
  const images = [...host.images, { id: image, digests: [familiarName(image)], tags: [], size: 0 }];
  return { ...facts, hosts: { ...facts.hosts, [name]: { ...host, images } } };
}

/** Layers are unpacked while they arrive. bytes */
const minimumFree = 256 * 1024 * 1024;

/** Estimates the size from the largest image of the repository. */
function diskTooFull(host: HostFacts, image: string): Failure | undefined {
  const repository = familiarName(image).split('@')[0];
  const before = host.images.filter(({ digests }) =>
    digests.some((digest) => digest.split('@')[0] === repository),
  );
  const needed = Math.max(minimumFree, ...before.map(({ size }) => size));
  if (host.diskFree === undefined || host.diskFree >= needed) return undefined;
  const megabytes = (bytes: number) => `${Math.round(bytes / 1024 / 1024)} MB`;
  const message = `${megabytes(host.diskFree)} free for images, ${megabytes(needed)} needed`;
  return new Failure('failed', 'disk.full', message, {
    host: host.host,
    hint: 'run docker system prune on the host, or enlarge its disk',
  });
}
