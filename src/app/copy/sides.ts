import { Failure } from '../../domain/failure.js';

/** A path in a container: `web:/path`, or `web/2:/path` in its second instance. */
export interface There {
  readonly service: string;
  /** From 1. */
  readonly number?: number;
  readonly path: string;
}

/** A copy between a path of this machine and one in a container. */
export interface Copy {
  readonly out: boolean;
  readonly here: string;
  readonly there: There;
}

/** What the words of the command ask for. Throws usage failures that say what to type. */
export function copyOf(words: readonly string[]): Copy {
  const [source, target, ...further] = words;
  if (source === undefined || target === undefined || further.length > 0)
    throw wrong('it takes a source and a target', 'write: oneclick cp ./file web:/path');
  const [from, to] = [thereOf(source), thereOf(target)];
  if (from !== undefined && to !== undefined)
    throw wrong('both are in containers', `copy it here first: oneclick cp ${source} .`);
  if (from !== undefined) return { out: true, here: hereOf(target), there: from };
  if (to !== undefined) return { out: false, here: hereOf(source), there: to };
  throw wrong('none of them is in a container', `write its service before the path: web:${target}`);
}

/** Undefined for a path of this machine; one with a colon is written as `./a:b`. */
function thereOf(word: string): There | undefined {
  const [, service, number, path = ''] = /^([a-z0-9][a-z0-9-]*)(?:\/([1-9]\d{0,5}))?:(.*)$/s.exec(word) ?? [];
  if (service === undefined) return undefined;
  if (path === '') throw wrong(`${word} has no path`, `write ${word}/path`);
  return { service, path, ...(number === undefined ? {} : { number: Number(number) }) };
}

function hereOf(word: string): string {
  if (word === '') throw wrong('a path is empty', 'write . for this folder');
  if (word === '-')
    throw wrong('- is no path', 'pass archives on with exec: oneclick exec web -- tar c /path > path.tar');
  return word;
}

function wrong(message: string, hint: string): Failure {
  return new Failure('usage', 'arguments', message, { hint });
}
