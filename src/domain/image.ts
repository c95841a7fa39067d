import { Failure } from './failure.js';
import { given } from './given.js';

/** The parts of an image reference, as Docker parses it (https://docs.docker.com/reference/cli/docker/image/tag/). */
export interface ImageReference {
  /** `docker.io` by default. */
  readonly registry: string;
  /** Without the registry: `library/nginx`, `acme/web`. */
  readonly path: string;
  /** As written, without tag and digest. */
  readonly repository: string;
  readonly tag?: string;
  readonly digest?: string;
}

const component = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*';
const host = '(?:[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?|\\[[0-9a-fA-F:]+\\])(?::[0-9]{1,5})?';
const reference = new RegExp(
  `^((?:(${host})/)?(${component}(?:/${component})*))(?::([\\w][\\w.-]{0,127}))?(?:@(sha256:[0-9a-f]{64}))?$`,
);

/** Parses a reference. Throws a {@link Failure} `image.reference` for anything that Docker would reject. */
export function parseImage(text: string): ImageReference {
  const match = text.length > 512 ? null : reference.exec(text);
  const [, repository, first, rest, tag, digest] = match ?? [];
  if (repository === undefined || rest === undefined) {
    const message = `invalid image reference ${JSON.stringify(text.slice(0, 80))}`;
    throw new Failure('usage', 'image.reference', message, {
      hint: 'use a reference such as registry.example.com/web:v1',
    });
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
 * Whether a reference names its registry. The first part is a registry only if it has a dot, a port or an upper-case letter, or is
 * `localhost`; `acme/web` is on Docker Hub (https://github.com/distribution/reference/blob/main/normalize.go).
 */
export function namesRegistry(text: string): boolean {
  const [first = '', ...rest] = text.split('/');
  return rest.length > 0 && (/[.:A-Z]/.test(first) || first === 'localhost');
}

/** Returns the reference as engines list it: `nginx` for `docker.io/library/nginx`. */
export function familiarName(text: string): string {
  return text.replace(/^(?:index\.)?docker\.io\//, '').replace(/^library\/(?=[^/]+$)/, '');
}

/** Returns the reference with this tag and without a digest. */
export function withTag(text: string, tag: string): string {
  return `${parseImage(text).repository}:${tag}`;
}

/** Returns the reference with this digest and without a tag. */
export function withDigest(text: string, digest: string): string {
  return `${parseImage(text).repository}@${digest}`;
}

/** Returns the reference at another registry: `ghcr.io/acme/web` becomes `127.0.0.1:20000/acme/web`. */
export function atRegistry(text: string, registry: string): string {
  const { repository } = parseImage(text);
  const path = namesRegistry(repository) ? repository.slice(repository.indexOf('/') + 1) : repository;
  return `${registry}/${path}`;
}
