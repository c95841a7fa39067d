/** Where a Debian-like distribution can be installed from. */
export interface AptSource {
  readonly mirror: string;
  readonly suite: string;
  readonly components: readonly string[];
  /** The file of keys that the source names, if it does. */
  readonly keyring?: string;
}

/** The `deb` sources of a file of `/etc/apt`, in the one-line or (`*.sources`) the deb822 format. */
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
  // A key may also stand in the source itself; only a file, and in gpg's own format, can be handed on.
  return { mirror, suite, components, ...(keyring && /^\/.*\.(gpg|pgp)$/.test(keyring) ? { keyring } : {}) };
}

function words(text: string): string[] {
  return text.split(/\s+/).filter((word) => word !== '');
}

/** Names that a source may use for a release instead of its codename. */
const rolling: ReadonlySet<string> = new Set(['stable', 'testing', 'unstable', 'sid']);

/**
 * What to bootstrap from: on Debian bookworm, whatever release this machine runs (one release is tested), on
 * another distribution its own release. `osRelease` is the text of `/etc/os-release`.
 */
export function bootstrapSource(sources: readonly AptSource[], osRelease: string): AptSource | undefined {
  const field = (name: string) => new RegExp(`^${name}="?([^"\n]*)"?$`, 'm').exec(osRelease)?.[1];
  const codename = field('VERSION_CODENAME');
  const first = sources.find(
    ({ mirror, suite, components }) =>
      /^https?:/.test(mirror) && components.includes('main') && (suite === codename || rolling.has(suite)),
  );
  if (first === undefined) return undefined;
  const same = sources.filter(({ mirror, suite }) => mirror === first.mirror && suite === first.suite);
  const components = [...new Set(same.flatMap((other) => other.components))];
  return { ...first, suite: field('ID') === 'debian' ? 'bookworm' : first.suite, components };
}
