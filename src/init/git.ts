/** A git remote. */
export interface Remote {
  /** `github.com` */
  readonly host: string;
  /** `acme/shop`, with more parts on some hosts. */
  readonly path: string;
  readonly line: number;
}

/** Finds `origin`, else the first remote, in the text of `.git/config`. Omits credentials in its URL. */
export function remoteIn(text: string): Remote | undefined {
  const found: (Remote & { readonly name: string })[] = [];
  let name: string | undefined;
  for (const [index, row] of text.split(/\r?\n/).entries()) {
    const section = /^\s*\[(.*)\]\s*$/.exec(row);
    if (section !== null) name = /^remote "(.+)"$/.exec(section[1] ?? '')?.[1];
    const url = /^\s*url\s*=\s*(\S+)\s*$/.exec(row)?.[1];
    if (name === undefined || url === undefined) continue;
    const [, host = '', path = ''] =
      /^(?:[a-z+]+:\/\/)(?:[^/@]*@)?([\w.-]+)(?::\d+)?\/(.+?)(?:\.git)?\/?$/.exec(url) ??
      /^(?:[^/@:]+@)?([\w.-]+):(.+?)(?:\.git)?\/?$/.exec(url) ??
      [];
    if (/^[\w.-]+(?:\/[\w.-]+)*$/.test(path)) found.push({ name, host, path, line: index + 1 });
  }
  return found.find((remote) => remote.name === 'origin') ?? found[0];
}

const registries: Readonly<Record<string, string>> = {
  'github.com': 'ghcr.io',
  'gitlab.com': 'registry.gitlab.com',
  'codeberg.org': 'codeberg.org',
};

/** Guesses the image repository, such as `ghcr.io/acme/shop`; undefined for unknown git hosts. */
export function registryOf({ host, path }: Remote): string | undefined {
  const registry = registries[host.toLowerCase()];
  return registry === undefined ? undefined : `${registry}/${path.toLowerCase()}`;
}
