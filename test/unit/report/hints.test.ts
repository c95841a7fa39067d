import { describe, expect, it } from '@jest/globals';
import { commands } from '../../../src/cli/commands/list.js';
import { hintFor, type ProjectFile, projectCommands, withHints } from '../../../src/report/hints.js';
import { openReporter } from '../../../src/report/open-reporter.js';
import { MovableClock } from '../../fakes/clock.js';
import { BufferOutput } from '../../fakes/output.js';

const typed: ProjectFile = { path: 'deploy/my app.yml', isTyped: true };

describe('a hint', () => {
  it('names the project file, and its commands read it', () => {
    expect(hintFor(typed, 'set another in oneclick.yml, such as memory: 512m')).toBe(
      'set another in deploy/my app.yml, such as memory: 512m',
    );
    expect(hintFor(typed, 'run: oneclick resume 1a2b3c, then: oneclick rollback')).toBe(
      "run: oneclick --file 'deploy/my app.yml' resume 1a2b3c, then: oneclick --file 'deploy/my app.yml' rollback",
    );
  });

  it('names files in the folder of the project file', () => {
    const hint = 'add TOKEN=… to .env.production, or set it in the environment';
    expect(hintFor(typed, hint)).toBe('add TOKEN=… to deploy/.env.production, or set it in the environment');
    expect(hintFor({ path: 'b.yml', isTyped: true }, hint)).toBe(hint);
  });

  it('stays as it is for the default file, other commands and prose', () => {
    const hint = 'run: oneclick status, or see oneclick.yml';
    expect(hintFor(undefined, hint)).toBe(hint);
    expect(hintFor(typed, 'oneclick sandbox up')).toBe('oneclick sandbox up');
    expect(hintFor(typed, 'update oneclick, or see ../oneclick.yml')).toBe(
      'update oneclick, or see ../oneclick.yml',
    );
  });

  it('repeats no flag for a file that a variable names', () => {
    const file = { path: 'b.yml', isTyped: false };
    expect(hintFor(file, 'oneclick status, or see oneclick.yml')).toBe('oneclick status, or see b.yml');
  });

  it('knows every command that reads the project', () => {
    const names = commands.map((listed) => ('commands' in listed ? listed.name : listed.definition.name));
    expect([...projectCommands].sort()).toEqual(
      names.filter((name) => !['init', 'sandbox'].includes(name)).sort(),
    );
  });
});

it('a reporter adapts hints, but no other text', async () => {
  const output = new BufferOutput();
  const opened = await openReporter({ output, clock: new MovableClock(), mode: 'json', env: {} });
  const reporter = withHints(opened, { path: 'b.yml', isTyped: true });
  const evidence = ['oneclick status'];
  const record = { kind: 'failed', code: 'a.b', message: 'oneclick.yml', evidence } as const;
  reporter.problems([{ ...record, hint: 'oneclick status' }]);
  expect(JSON.parse(output.stdout.text)).toMatchObject({
    problems: [{ ...record, hint: 'oneclick --file b.yml status' }],
  });
});
