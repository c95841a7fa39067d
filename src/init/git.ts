/** Where a repository comes from, as its remote says. */
export interface Remote {
  /** `github.com` */
  readonly host: string;
  /** `acme/shop`; on some hosts with more parts. */
  readonly path: string;
  readonly line: number;
}

/** The remote `origin` in the text of `.git/config`, else the first; no more of its address than host and path, for it may hold a token. */
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

/** Where the images of a repository probably are: `ghcr.io/acme/shop`; undefined for hosts without a registry that is known. */
export function registryOf({ host, path }: Remote): string | undefined {
  const registry = registries[host.toLowerCase()];
  return registry === undefined ? undefined : `${registry}/${path.toLowerCase()}`;
}
