import { describe, expect, it } from '@jest/globals';
import { Option } from 'commander';
import { LazyCommand } from '../../../src/cli/lazy-command.js';

describe('a lazy command', () => {
  const tag = () => [new Option('--tag <tag>', 'use this tag')];

  it('has no options until it is called', async () => {
    const called = new LazyCommand('called', tag).action(() => undefined);
    const other = new LazyCommand('other', tag);
    const root = new LazyCommand('root').complete();
    root.addCommand(called);
    root.addCommand(other);
    await root.parseAsync(['called', '--tag', 'v2', '--plain'], { from: 'user' });
    expect(called.optsWithGlobals()).toEqual({ tag: 'v2', plain: true });
    expect(other.options).toEqual([]);
  });

  it('shows its options in the help without being called', () => {
    expect(new LazyCommand('deploy', tag).helpInformation()).toContain('--tag <tag>');
  });

  it('leaves -f to an option of its own', () => {
    const follow = () => [new Option('-f, --follow', 'keep printing new lines')];
    const help = new LazyCommand('logs', follow).helpInformation();
    expect(help).toContain('-f, --follow');
    expect(help).not.toContain('-f, --file');
  });
});
