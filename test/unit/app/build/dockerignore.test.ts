import { describe, expect, it } from '@jest/globals';
import { isIgnored } from '../../../../src/app/build/dockerignore.js';

const journal = '.oneclick/runs/3f2a9c.jsonl';

describe('a .dockerignore file', () => {
  it.each([
    ['.oneclick/runs'],
    ['.oneclick/runs/'],
    ['/.oneclick/runs'],
    ['./.oneclick//runs'],
    ['.oneclick'],
    ['.*'],
    ['*'],
    ['**'],
    ['**/'],
    ['.oneclick/**'],
    ['.oneclick/*'],
    ['**/runs'],
    ['**/*.jsonl'],
    ['**/.oneclick/runs/*.jsonl'],
    ['.oneclick/**/*.jsonl'],
    ['.oneclick/r?ns'],
    ['.oneclick/run[a-z]'],
    ['*.md\n  .oneclick  \r\nnode_modules'],
    ['\uFEFF.oneclick'],
    ['*\n!src\n!package.json'],
    ['*\n!.oneclick\n.oneclick/runs'],
    ['**\n!**/*.ts'],
    ['.oneclick\n!.oneclick/recipes'],
    ['*.\\jsonl\n.oneclick\\/runs'],
  ])('excludes a journal with %j', (text) => {
    expect(isIgnored(text, journal)).toBe(true);
  });

  it.each([
    [''],
    ['\n\n'],
    ['# .oneclick'],
    ['#.oneclick\nnode_modules'],
    ['*.jsonl'],
    ['runs'],
    ['.git'],
    ['.oneclick/recipes'],
    ['oneclick'],
    ['.oneclic'],
    ['.oneclick/run'],
    ['?oneclick/runs/x'],
    ['.oneclick\n!.oneclick'],
    ['*\n!.oneclick'],
    ['*\n!.oneclick/runs'],
    ['*\n!.*'],
    ['.oneclick\n!**/*.jsonl'],
    ['**\n!**'],
    ['!'],
    ['/'],
    ['.'],
    ['..'],
    ['../.oneclick'],
    ['[.oneclick'],
  ])('does not exclude one with %j', (text) => {
    expect(isIgnored(text, journal)).toBe(false);
  });
});
