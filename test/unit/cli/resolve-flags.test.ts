import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { TypedGlobals } from '../../../src/cli/global-flags.js';
import { processContext } from '../../../src/cli/process.js';
import { resolveFlags } from '../../../src/cli/resolve-flags.js';
import { Redaction } from '../../../src/domain/redact.js';
import { failureOf } from '../config/context.js';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'settings-'));
});
afterEach(() => rm(folder, { recursive: true }));

/** Resolves typed flags with these variables and this user file. */
async function said(typed: TypedGlobals, env: Readonly<Record<string, string>> = {}, user?: string) {
  const configDir = join(folder, 'oneclick');
  await mkdir(configDir, { recursive: true });
  if (user !== undefined) await writeFile(join(configDir, 'config.yml'), user);
  return resolveFlags<object>({ ...processContext(new Redaction()), env, configDir }, typed);
}

describe('the resolved flags', () => {
  it('have defaults', async () => {
    expect(await said({})).toEqual({
      ...{ json: false, plain: false, input: true, detail: 'usual' },
      environment: { variable: undefined, user: undefined },
    });
  });

  it('follow the variables', async () => {
    const env = {
      ...{ ONECLICK_ENV: 'staging', ONECLICK_FILE: 'shop.yml', ONECLICK_PLAIN: 'yes' },
      ...{ ONECLICK_NO_INPUT: '1', ONECLICK_VERBOSE: 'true', NO_COLOR: '1' },
    };
    expect(await said({}, env)).toEqual({
      ...{ json: false, plain: true, input: false, detail: 'verbose', color: false, file: 'shop.yml' },
      projectFile: { path: 'shop.yml', isTyped: false },
      environment: { variable: 'staging', user: undefined },
    });
  });

  it("follow the user's file", async () => {
    const file = 'default_environment: staging\nplain: true\nquiet: true\ncolor: false\ninput: false\n';
    expect(await said({}, {}, file)).toEqual({
      ...{ json: false, plain: true, input: false, detail: 'quiet', color: false },
      environment: { variable: undefined, user: 'staging' },
    });
  });

  it('prefer flags to variables, and variables to the file', async () => {
    const env = { ONECLICK_PLAIN: '1', ONECLICK_QUIET: '1', ONECLICK_FILE: 'a.yml' };
    expect(await said({ plain: false, verbose: true, file: 'b.yml' }, env)).toMatchObject({
      ...{ plain: false, detail: 'verbose', file: 'b.yml' },
      projectFile: { path: 'b.yml', isTyped: true },
    });
    expect(await said({ quiet: false }, env)).toMatchObject({ detail: 'usual' });
    expect(await said({}, { ONECLICK_PLAIN: '0' }, 'plain: true\n')).toMatchObject({ plain: false });
    expect(await said({ color: true }, { NO_COLOR: '1' })).toMatchObject({ color: true });
  });

  it('do not force color because of the file', async () => {
    expect(await said({}, {}, 'color: true\n')).not.toHaveProperty('color');
  });

  it('reject a variable that is neither true nor false', async () => {
    const failure = await failureOf(() => said({}, { ONECLICK_PLAIN: 'plain' }));
    expect(failure).toMatchObject({ kind: 'usage', hint: 'set ONECLICK_PLAIN=1 or ONECLICK_PLAIN=0' });
    expect(await said({}, { ONECLICK_PLAIN: '' })).toMatchObject({ plain: false });
  });

  it('reject quiet and verbose from one source', async () => {
    expect((await failureOf(() => said({ quiet: true, verbose: true }))).message).toContain('--quiet');
    const env = { ONECLICK_QUIET: '1', ONECLICK_VERBOSE: '1' };
    expect((await failureOf(() => said({}, env))).message).toContain('ONECLICK_QUIET');
    expect((await failureOf(() => said({}, {}, 'quiet: true\nverbose: true\n'))).evidence[0]).toContain(
      ':2:10: verbose: cannot be combined with quiet',
    );
  });

  it("locate problems in the user's file", async () => {
    const failure = await failureOf(() => said({}, {}, 'plane: true\nquiet: 3\n'));
    expect(failure).toMatchObject({ kind: 'usage', code: 'config.invalid' });
    const file = join(folder, 'oneclick/config.yml');
    expect(failure.message).toBe(`2 problems in ${file}`);
    expect(failure.evidence).toContain(`${file}:1:1: unknown key "plane" - did you mean "plain"?`);
    expect(failure.evidence).toContain(`${file}:2:8: quiet: must be true or false`);
  });
});
