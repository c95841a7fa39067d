import { describe, expect, test } from '@jest/globals';
import { bootstrapSource, parseAptSources } from '../../../src/sandbox/apt.js';

const debian = 'ID=debian\nVERSION_CODENAME=bookworm\n';

describe('apt sources', () => {
  test('are parsed from the one-line format, without comments, source packages and options', () => {
    const text = [
      '# deb http://old.example/debian bookworm main',
      'deb-src http://mirror.example/debian bookworm main',
      'deb [arch=amd64 signed-by=/usr/share/keyrings/a.gpg] http://mirror.example/debian bookworm main contrib # ours',
    ].join('\n');
    expect(parseAptSources(text, 'list')).toEqual([
      {
        mirror: 'http://mirror.example/debian',
        suite: 'bookworm',
        components: ['main', 'contrib'],
        keyring: '/usr/share/keyrings/a.gpg',
      },
    ]);
  });

  test('are parsed from the deb822 format, one for each URI and suite', () => {
    const text = `# comment
Types: deb deb-src
URIs: http://mirror.example/debian
# in the middle
Suites: bookworm
  bookworm-updates
Components: main

Types: deb-src
URIs: http://source.example/debian
Suites: bookworm
Components: main

Types: deb
Enabled: no
URIs: http://off.example/debian
Suites: bookworm
Components: main
`;
    expect(parseAptSources(text, 'sources')).toEqual([
      { mirror: 'http://mirror.example/debian', suite: 'bookworm', components: ['main'] },
      { mirror: 'http://mirror.example/debian', suite: 'bookworm-updates', components: ['main'] },
    ]);
  });

  test('have a keyring only if debootstrap can read it', () => {
    const key = (signedBy: string) =>
      parseAptSources(
        `Types: deb\nURIs: http://m.example\nSuites: s\nComponents: main\nSigned-By: ${signedBy}`,
        'sources',
      )[0]?.keyring;
    expect(key('/usr/share/keyrings/a.gpg')).toBe('/usr/share/keyrings/a.gpg');
    expect(key('/etc/apt/keyrings/a.asc')).toBeUndefined();
    expect(key('\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mQINBF')).toBeUndefined();
  });
});

describe('the bootstrap source', () => {
  const source = (mirror: string, suite: string, ...components: string[]) => ({ mirror, suite, components });

  test("is the distribution's own mirror, not another project's repository", () => {
    const sources = [
      source('https://node.example/node_20.x', 'nodistro', 'main'),
      source('http://mirror.example/debian-security', 'bookworm-security', 'main'),
      source('http://mirror.example/debian', 'bookworm', 'main'),
    ];
    expect(bootstrapSource(sources, debian)).toEqual(sources[2]);
  });

  test('is bookworm on every Debian', () => {
    const trixie = 'ID=debian\nVERSION_CODENAME=trixie\n';
    expect(bootstrapSource([source('http://m.example/debian', 'trixie', 'main')], trixie)?.suite).toBe(
      'bookworm',
    );
    expect(bootstrapSource([source('http://m.example/debian', 'testing', 'main')], trixie)?.suite).toBe(
      'bookworm',
    );
  });

  test('is the own release on other distributions, with the components of all its lines', () => {
    const sources = [
      source('http://m.example/ubuntu', 'noble', 'main', 'restricted'),
      source('http://m.example/ubuntu', 'noble', 'universe'),
    ];
    expect(bootstrapSource(sources, 'NAME="Ubuntu"\nID=ubuntu\nVERSION_CODENAME="noble"\n')).toEqual(
      source('http://m.example/ubuntu', 'noble', 'main', 'restricted', 'universe'),
    );
  });

  test('is undefined without a mirror', () => {
    expect(bootstrapSource([source('cdrom:[Debian]/', 'bookworm', 'main')], debian)).toBeUndefined();
  });
});
