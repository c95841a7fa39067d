import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Failure } from '../../../src/domain/failure.js';
import { namesRegistry, parseImage, withDigest, withTag } from '../../../src/domain/image.js';
import { cpuTime } from '../../fakes/cpu-time.js';

const digest = `sha256:${'0123456789abcdef'.repeat(4)}`;

describe('an image reference', () => {
  it.each([
    ['nginx', { registry: 'docker.io', path: 'library/nginx', repository: 'nginx' }],
    ['docker.io/nginx', { registry: 'docker.io', path: 'library/nginx', repository: 'docker.io/nginx' }],
    ['index.docker.io/a/b', { registry: 'docker.io', path: 'a/b', repository: 'index.docker.io/a/b' }],
    ['acme/web:v1', { registry: 'docker.io', path: 'acme/web', repository: 'acme/web', tag: 'v1' }],
    ['localhost/web', { registry: 'localhost', path: 'web', repository: 'localhost/web' }],
    [
      '127.0.0.1:5055/web:v2',
      { registry: '127.0.0.1:5055', path: 'web', repository: '127.0.0.1:5055/web', tag: 'v2' },
    ],
    ['[::1]:5000/a/b', { registry: '[::1]:5000', path: 'a/b', repository: '[::1]:5000/a/b' }],
    ['GHCR/web', { registry: 'GHCR', path: 'web', repository: 'GHCR/web' }],
    [
      `ghcr.io/acme/shop-web:1.0@${digest}`,
      { registry: 'ghcr.io', path: 'acme/shop-web', repository: 'ghcr.io/acme/shop-web', tag: '1.0', digest },
    ],
  ])('%s is parsed as Docker parses it', (text, expected) => {
    expect(parseImage(text)).toEqual(expected);
    expect(namesRegistry(text)).toBe(expected.registry !== 'docker.io' || /docker\.io\//.test(text));
  });

  it.each([
    '',
    ' ',
    'Web',
    'a//b',
    '/a',
    'a/',
    'a:',
    'a:b:c',
    'a@sha256:12',
    'a@md5:0',
    '-a',
    'a b',
    '$(reboot)',
    'a;reboot',
    '--privileged',
    'a\nb',
    'http://ghcr.io/a',
    '../../etc/passwd',
    `${'a'.repeat(600)}`,
  ])('%j is rejected', (text) => {
    expect(() => parseImage(text)).toThrow(Failure);
  });

  it('is parsed or rejected quickly, whatever the text', () => {
    const hostile = fc.oneof(
      fc.string(),
      fc.string({ unit: fc.constantFrom('a', '-', '.', '/', ':', '@', '_'), maxLength: 2000 }),
    );
    fc.assert(
      fc.property(hostile, (text) => {
        const started = cpuTime();
        try {
          parseImage(text);
        } catch (error) {
          expect(error).toBeInstanceOf(Failure);
        }
        expect(cpuTime() - started).toBeLessThan(200);
      }),
    );
  });

  it('keeps its repository when tag or digest change', () => {
    expect(withTag('127.0.0.1:5055/web:v1', 'v2')).toBe('127.0.0.1:5055/web:v2');
    expect(withDigest('nginx:1', digest)).toBe(`nginx@${digest}`);
  });
});
