import { Failure } from '../../domain/failure.js';

/** A path in a container: `web:/path`, or `web/2:/path` for the second instance. */
export interface ContainerPath {
  readonly service: string;
  /** From 1. */
  readonly number?: number;
  readonly path: string;
}

/** A copy between a local path and a path in a container. */
export interface Copy {
  /** True to copy out of the container. */
  readonly out: boolean;
  readonly local: string;
  readonly remote: ContainerPath;
}

/** Parses the arguments of `cp`. Throws usage failures with an example. */
export function parseCopy(args: readonly string[]): Copy {
  const [source, target, ...extra] = args;
  if (source === undefined || target === undefined || extra.length > 0)
    throw usageFailure('expected a source and a target', 'for example: oneclick cp ./file web:/path');
  const [from, to] = [parseContainerPath(source), parseContainerPath(target)];
  if (from !== undefined && to !== undefined)
    throw usageFailure(
      'cannot copy from container to container',
      `copy to this machine first: oneclick cp ${source} .`,
    );
  if (from !== undefined) return { out: true, local: parseLocalPath(target), remote: from };
  if (to !== undefined) return { out: false, local: parseLocalPath(source), remote: to };
  throw usageFailure(
    'the source or the target must be in a container',
    `put the service before its path: web:${target}`,
  );
}

/** Undefined for a local path; a local path with a colon is written as `./a:b`. */
function parseContainerPath(word: string): ContainerPath | undefined {
  const [, service, number, path = ''] = /^([a-z0-9][a-z0-9-]*)(?:\/([1-9]\d{0,5}))?:(.*)$/s.exec(word) ?? [];
  if (service === undefined) return undefined;
  if (path === '') throw usageFailure(`the path is missing: ${word}`, `for example: ${word}/path`);
  return { service, path, ...(number === undefined ? {} : { number: Number(number) }) };
}

function parseLocalPath(word: string): string {
  if (word === '') throw usageFailure('a path is empty', 'use . for this folder');
  if (word === '-')
    throw usageFailure(
      'cp does not support - for standard input or output',
      'use exec: oneclick exec web -- tar c /path > path.tar',
    );
  return word;
}

function usageFailure(message: string, hint: string): Failure {
  return new Failure('usage', 'arguments', message, { hint });
}
