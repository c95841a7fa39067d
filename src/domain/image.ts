import { Failure } from './failure.js';
import { given } from './given.js';

/** The parts of an image reference, as Docker reads them (https://docs.docker.com/reference/cli/docker/image/tag/). */
export interface ImageReference {
  /** `docker.io` where none is written. */
  readonly registry: string;
  /** Without registry: `library/nginx`, `acme/web`. */
  readonly path: string;
  /** As written, with registry and path but without tag and digest. */
  readonly repository: string;
  readonly tag?: string;
  readonly digest?: string;
}

const component = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*';
const host = '(?:[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?|\\[[0-9a-fA-F:]+\\])(?::[0-9]{1,5})?';
const reference = new RegExp(
  `^((?:(${host})/)?(${component}(?:/${component})*))(?::([\\w][\\w.-]{0,127}))?(?:@(sha256:[0-9a-f]{64}))?$`,
);

/** Reads a reference; throws a Failure `image.reference` for anything that Docker would not take. */
export function parseImage(text: string): ImageReference {
  const match = text.length > 512 ? null : reference.exec(text);
  const [, repository, first, rest, tag, digest] = match ?? [];
  if (repository === undefined || rest === undefined) {
    throw new Failure(
      'usage',
      'image.reference',
      `${JSON.stringify(text.slice(0, 80))} is not an image reference`,
      {
        hint: 'write it as in `docker pull`: registry.example.com/web:v1',
      },
    );
  }
  const isRegistry = first !== undefined && namesRegistry(repository);
  const isHub = !isRegistry || first === 'docker.io' || first === 'index.docker.io';
  const path = isRegistry || first === undefined ? rest : `${first}/${rest}`;
  return {
    registry: isHub ? 'docker.io' : first,
    path: isHub && !path.includes('/') ? `library/${path}` : path,
    repository,
    ...given({ tag, digest }),
  };
}

/**
 * Whether a reference names its registry: `acme/web` is a path of Docker Hub; only a first part with a dot, a port, an upper-case
 * letter, or `localhost` is a registry (https://github.com/distribution/reference/blob/main/normalize.go).
 */
export function namesRegistry(text: string): boolean {
  const [first = '', ...rest] = text.split('/');
  return rest.length > 0 && (/[.:A-Z]/.test(first) || first === 'localhost');
}

/** The same repository at this tag. */
export function withTag(text: string, tag: string): string {
  return `${parseImage(text).repository}:${tag}`;
}

/** The same repository at this digest, without the tag: what is pulled and what containers are made of. */
export function withDigest(text: string, digest: string): string {
  return `${parseImage(text).repository}@${digest}`;
}

/** The same path at another registry: `ghcr.io/acme/web` as `127.0.0.1:20000/acme/web`. */
export function atRegistry(text: string, registry: string): string {
  const { repository } = parseImage(text);
  const path = namesRegistry(repository) ? repository.slice(repository.indexOf('/') + 1) : repository;
  return `${registry}/${path}`;
}
