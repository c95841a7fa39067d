import { describe, expect, it } from '@jest/globals';
import { processContext } from '../../../src/cli/process.js';
import { program } from '../../../src/cli/program.js';
import { Redaction } from '../../../src/domain/redact.js';
import { failureOf } from '../config/context.js';

const refused = (line: string) =>
  failureOf(() =>
    program(async () => ({ ...processContext(new Redaction()), configDir: '/nowhere' }), line.split(' ')),
  );

describe('an unknown word', () => {
  it.each([
    ['deplyo', 'deploy'],
    ['--plain deplyo', 'deploy'],
    ['config chekc', 'check'],
    ['lease tkae', 'take'],
    ['sandbox upp', 'up'],
    ['sandbox fautl', 'fault'],
    ['sandbox fault throttle --time 3', '--times'],
    ['deploy --tagg v2', '--tag'],
    ['deploy --tagg=v2', '--tag'],
    ['deploy --quite', '--quiet'],
    ['--quite deploy', '--quiet'],
    ['-f other.yml stop --hosst web-1', '--host'],
    ['config check --jsn', '--json'],
  ])('in %s suggests %s', async (line, meant) => {
    expect(await refused(line)).toMatchObject({ kind: 'usage', hint: `did you mean ${meant}?` });
  });

  it.each([
    'frobnicate --help',
    '--help frobnicate',
    'help frobnicate',
    '-h --plain frobnicate',
    'config frobnicate --help',
    'help lease frobnicate',
  ])('is unknown with a request for help, too: %s', async (line) => {
    expect(await refused(line)).toMatchObject({ kind: 'usage', message: 'unknown command "frobnicate"' });
  });

  it('leads to the help of the command when nothing similar exists', async () => {
    expect((await refused('frobnicate')).hint).toBe('oneclick --help');
    expect((await refused('deploy --host web-1')).hint).toBe('oneclick deploy --help');
    expect((await refused('config check now')).hint).toBe('oneclick config check --help');
  });
});
