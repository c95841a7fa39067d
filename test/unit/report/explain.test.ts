import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { dockerOn, onHost, type PlainCommand } from '../../../src/domain/plain-command.js';
import { commandLine } from '../../../src/domain/shell.js';
import { explanationDocument, explanationText } from '../../../src/report/explain.js';
import { plainStyle } from '../../../src/report/style.js';
import type { StepExplanation } from '../../../src/run/explain.js';
import { step } from './scenario.js';

const ways = new Map([['web-1', ['ssh', '-i', '/my key', 'deploy@10.0.0.5']]]);

const explained = (
  commands: readonly PlainCommand[],
  parts: Partial<StepExplanation> = {},
): StepExplanation => ({
  ...{ step: step('web-1', 'container.create'), title: 'create web release 2', after: false, commands },
  verdict: { kind: 'todo', changes: [], certainty: 'certain' },
  ...parts,
});

const documentOf = (...steps: readonly StepExplanation[]) =>
  explanationDocument({ environment: 'production', recipe: 'deploy', steps, sshCommands: ways });
const textOf = (...steps: readonly StepExplanation[]) =>
  explanationText(documentOf(...steps), { columns: 20, style: plainStyle });

describe('the commands as text', () => {
  it('have comments with reasons, and ssh before commands for hosts', () => {
    const text = textOf(
      explained([dockerOn('web-1', 'pull web:2', 'pull', 'web:2')]),
      explained([onHost('web-1', 'check', "echo 'a b' | cat")], { after: true }),
      explained([{ why: 'a line of the recipe', line: 'make notes', secrets: [] }], { after: true }),
    );
    expect(text).toBe(
      [
        '# deploy on production as shell commands. Nothing was changed.',
        '# They do the same as the run, but without a lease and without undo.',
        '# Paste them one at a time, or run them all with sh -e.',
        '',
        '# web-1: pull web:2',
        "ssh -n -i '/my key' deploy@10.0.0.5 docker pull web:2",
        '',
        '# After the commit: the release stays even if these commands fail.',
        '',
        '# web-1: check',
        `ssh -n -i '/my key' deploy@10.0.0.5 'echo '\\''a b'\\'' | cat'`,
        '',
        '# a line of the recipe',
        'make notes </dev/null',
        '',
      ].join('\n'),
    );
  });

  it('mention commands decided later, and say if there is nothing to do', () => {
    const later = explained([], { verdict: { kind: 'unknown', waitsFor: 'image.resolve/web' } });
    expect(textOf(later)).toContain('# decided after image.resolve/web: create web release 2\n');
    const done = explained([], { verdict: { kind: 'done', because: 'it runs already' } });
    expect(textOf(done)).toBe('# deploy on production: nothing to do\n');
  });

  it('have comments that are harmless in a shell without comments', () => {
    const text = textOf(
      explained([onHost('web-1', 'it\'s; rm -rf /\n$(reboot) `x` > y | z & \u001b[2J"', 'true')]),
    );
    expect(text).toContain('\n# web-1: it s, rm -rf / reboot x y z\n');
  });

  it('are also a document, with the names of secrets but not their values', () => {
    const command = {
      host: 'web-1',
      why: 'create it',
      line: 'docker create --env TOKEN web',
      secrets: ['TOKEN'],
    };
    expect(documentOf(explained([command]))).toMatchObject({
      ...{
        environment: 'production',
        recipe: 'deploy',
        setup: [expect.stringContaining('TOKEN'), expect.any(String)],
      },
      steps: [
        { task: 'container.create', commands: [{ host: 'web-1', why: 'create it', secrets: ['TOKEN'] }] },
      ],
    });
  });
});

describe('the commands in a shell', () => {
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'explain-'));
    put(
      'ssh',
      '#!/bin/sh\nwhile [ "$1" != deploy@10.0.0.5 ]; do shift; done\nshift\nexec env -i PATH="$PATH" sh -c "$*"\n',
    );
    put(
      'docker',
      `#!/bin/sh\n{ printf '<%s>' "$@"; printf '<%s>\\n' "$TOKEN" "$OTHER"; } >>${folder}/calls\n`,
    );
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  function put(name: string, text: string): void {
    writeFileSync(join(folder, name), text);
    chmodSync(join(folder, name), 0o755);
  }

  /** Runs the commands in a shell that reads them from stdin; returns the arguments of docker. */
  function dockerCalls(text: string, env: Readonly<Record<string, string>> = {}) {
    writeFileSync(join(folder, 'calls'), '');
    const { status } = spawnSync('sh', ['-e'], {
      ...{ input: text, encoding: 'utf8' },
      env: { PATH: `${folder}:/usr/bin:/bin`, ...env },
    });
    return { status, calls: readFileSync(join(folder, 'calls'), 'utf8') };
  }

  const hostile = fc.string({
    unit: fc.constantFrom(...'\'"\\$`!*?;&|<>#~ \t\n\r-=%é\u{1f600}\u200d\u001bab'),
    minLength: 1,
    maxLength: 20,
  });

  it('pass every word to docker unchanged, and secrets through the environment', () => {
    fc.assert(
      fc.property(fc.array(hostile, { maxLength: 3 }), hostile, hostile, (words, token, other) => {
        const line = commandLine(['docker', 'create', ...words]);
        const secrets = ['TOKEN', 'OTHER'];
        const text = textOf(
          explained([{ host: 'web-1', why: 'create it', line, secrets }]),
          explained([dockerOn('web-1', 'start it', 'start', ...words)]),
        );
        const each = words.map((word) => `<${word}>`).join('');
        expect(dockerCalls(text, { TOKEN: token, OTHER: other })).toEqual({
          status: 0,
          calls: `<create>${each}<${token}>\n<${other}>\n<start>${each}<>\n<>\n`,
        });
      }),
      { numRuns: 40 },
    );
  });

  it('stop at once if a secret has no value, and at the first failure', () => {
    const create = {
      host: 'web-1',
      why: 'create it',
      line: 'docker create --env TOKEN web',
      secrets: ['TOKEN'],
    };
    expect(dockerCalls(textOf(explained([create])))).toMatchObject({ status: expect.any(Number), calls: '' });
    put('docker', '#!/bin/sh\nexit 3\n');
    const next = dockerOn('web-1', 'start it', 'start', 'web');
    expect(dockerCalls(textOf(explained([create, next])), { TOKEN: 'x' }).status).toBe(3);
  });
});
