/** An apt repository that a Debian-like distribution can be installed from. */
export interface AptSource {
  readonly mirror: string;
  readonly suite: string;
  readonly components: readonly string[];
  /** The keyring file of the source, if it has one. */
  readonly keyring?: string;
}

/** Parses the `deb` sources of an `/etc/apt` file, in the one-line or the deb822 (`*.sources`) format. */
export function parseAptSources(text: string, format: 'list' | 'sources'): AptSource[] {
  return format === 'list' ? text.split('\n').flatMap(parseLine) : text.split(/\n\s*\n/).flatMap(parseStanza);
}

function parseLine(line: string): AptSource[] {
  const match = /^\s*deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)\s*([^#]*)/.exec(line);
  if (match === null) return [];
  const [, options = '', mirror = '', suite = '', components = ''] = match;
  const keyring = /signed-by=(\S+)/.exec(options)?.[1];
  return [source(mirror, suite, words(components), keyring)];
}

function parseStanza(stanza: string): AptSource[] {
  const fields = new Map<string, string>();
  let name = '';
  for (const line of stanza.split('\n')) {
    if (line.startsWith('#')) continue;
    const field = /^([\w-]+):(.*)$/.exec(line);
    if (field !== null) name = field[1]?.toLowerCase() ?? '';
    const value = field?.[2] ?? line;
    if (name !== '') fields.set(name, `${fields.get(name) ?? ''} ${value.trim()}`.trim());
  }
  const list = (field: string) => words(fields.get(field) ?? '');
  if (!list('types').includes('deb') || fields.get('enabled') === 'no') return [];
  return list('uris').flatMap((mirror) =>
    list('suites').map((suite) => source(mirror, suite, list('components'), fields.get('signed-by'))),
  );
}

function source(mirror: string, suite: string, components: readonly string[], keyring?: string): AptSource {
  // debootstrap reads neither inline nor armored keys.
  return { mirror, suite, components, ...(keyring && /^\/.*\.(gpg|pgp)$/.test(keyring) ? { keyring } : {}) };
}

function words(text: string): string[] {
  return text.split(/\s+/).filter((word) => word !== '');
}

/** Suite names that follow a release instead of naming one. */
const rollingSuites: ReadonlySet<string> = new Set(['stable', 'testing', 'unstable', 'sid']);

/**
 * Chooses the source to bootstrap from: bookworm on any Debian (the only tested release), elsewhere the release of
 * this machine. `osRelease` is the text of `/etc/os-release`.
 */
export function bootstrapSource(sources: readonly AptSource[], osRelease: string): AptSource | undefined {
  const field = (name: string) => new RegExp(`^${name}="?([^"\n]*)"?$`, 'm').exec(osRelease)?.[1];
  const codename = field('VERSION_CODENAME');
  const first = sources.find(
    ({ mirror, suite, components }) =>
      /^https?:/.test(mirror) &&
      components.includes('main') &&
      (suite === codename || rollingSuites.has(suite)),
  );
  if (first === undefined) return undefined;
  const same = sources.filter(({ mirror, suite }) => mirror === first.mirror && suite === first.suite);
  const components = [...new Set(same.flatMap((other) => other.components))];
  return { ...first, suite: field('ID') === 'debian' ? 'bookworm' : first.suite, components };
}
