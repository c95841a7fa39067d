import { posix } from 'node:path';

/**
 * Whether a `.dockerignore` file excludes a path of the build context. The last pattern that matches the path or one of its folders
 * decides, as in https://github.com/moby/patternmatcher.
 */
export function isIgnored(text: string, path: string): boolean {
  const parts = path.split('/');
  const paths = parts.map((_, index) => parts.slice(0, index + 1).join('/'));
  let ignored = false;
  for (const { negated, matches } of patternsOf(text))
    if (negated === ignored && paths.some(matches)) ignored = !negated;
  return ignored;
}

interface Pattern {
  readonly negated: boolean;
  matches(path: string): boolean;
}

function patternsOf(text: string): readonly Pattern[] {
  const lines = text.replace(/^\uFEFF/, '').split(/\r?\n/);
  return lines.flatMap((line) => {
    if (line.startsWith('#')) return [];
    const trimmed = line.trim();
    const negated = trimmed.startsWith('!');
    const glob = clean(negated ? trimmed.slice(1).trim() : trimmed);
    const pattern = glob === '' ? undefined : toRegExp(glob);
    return pattern === undefined ? [] : [{ negated, matches: (path: string) => pattern.test(path) }];
  });
}

/** Patterns are relative to the context, with or without a slash at the start. */
const clean = (glob: string) => (glob === '' ? '' : posix.normalize(glob).replace(/^\/|\/$/g, ''));

/** At the end and, without a slash, at the start, `**` also matches a part of a name. */
const isAnything = (token: string, at: number, glob: string) =>
  at + token.length === glob.length || (at === 0 && token === '**');

/** Undefined for an invalid pattern. */
function toRegExp(glob: string): RegExp | undefined {
  const source = glob.replace(/\*\*\/?$|\*\*\/?|\*|\?|\\.|\[[^\]]*\]|[^\w/]/g, (token, at: number) => {
    if (token.startsWith('**')) return isAnything(token, at, glob) ? '.*' : '(?:.*/)?';
    if (token === '*') return '[^/]*';
    if (token === '?') return '[^/]';
    if (token.length > 1) return token;
    return `\\${token}`;
  });
  try {
    return new RegExp(`^${source}$`, 's');
  } catch {
    return undefined;
  }
}
