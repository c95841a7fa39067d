import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { Context } from '../../src/app/context.js';
import type { Globals } from '../../src/cli/global-flags.js';
import { program } from '../../src/cli/program.js';
import { awsCommand } from '../../src/cloud/aws/commands.js';
import { loadProject, resolveEnvironment } from '../../src/config/load.js';
import { attentionExitCode, exitCode, type FailureKind } from '../../src/domain/failure.js';
import { resolveSetting } from '../../src/domain/precedence.js';
import { explanationDocument, explanationText } from '../../src/report/explain.js';
import { plainStyle } from '../../src/report/style.js';
import { explain } from '../../src/run/explain.js';
import { tasks } from '../../src/tasks/registry.js';
import { testContext } from '../fakes/context.js';
import { containerHold } from '../fixtures/container-hold.js';
import { configContext, failureOf } from './config/context.js';
import { at, Fleet, serviceOn } from './tasks/fleet.js';

const root = new URL('../../', import.meta.url);
const pages = ['README.md', ...readdirSync(new URL('docs', root)).map((name) => `docs/${name}`)];
const docs = pages.map(read).join('\n');

/** The blocks between fences, in order. */
const blocks = [...docs.matchAll(/^```(\w+)\n(.*?)^```$/gms)].map(([, language = '', text = '']) => ({
  language,
  text,
}));

const commands = [
  ...new Set([
    ...blocks.flatMap(({ text }) => [...text.matchAll(/^\$ oneclick (.+)$/gm)].map(([, line = '']) => line)),
    ...[...docs.matchAll(/`oneclick ([^`]+)`/g)].map(([, line = '']) => line),
  ]),
];

describe('the documentation', () => {
  it('shows the recipe deploy as it ships', () => {
    expect(blocks.map(({ text }) => text)).toContain(read('recipes/deploy.yml'));
  });

  it('links to pages that are there, and from the README to every one', () => {
    const links = pages.flatMap((page) =>
      [...read(page).matchAll(/\]\((?!http)([^)#]+)/g)].map(([, to = '']) => ({ page, to })),
    );
    const pathOf = ({ page, to }: { page: string; to: string }) =>
      new URL(to, new URL(page, root)).href.slice(root.href.length);
    expect(links.filter((link) => !existsSync(new URL(pathOf(link), root)))).toEqual([]);
    const linked = links.filter(({ page }) => page === 'README.md').map(pathOf);
    expect(pages.filter((page) => page.startsWith('docs/') && !linked.includes(page))).toEqual([]);
  });

  it('has a configuration of ten lines without a problem or a warning', async () => {
    const text = blocks.find((block) => block.text.startsWith('project:'))?.text ?? '';
    expect(text.trimEnd().split('\n')).toHaveLength(10);
    const setting = configContext({ '/project/oneclick.yml': text });
    const { warnings } = await resolveEnvironment(await loadProject(setting), 'production', setting);
    expect(warnings).toEqual([]);
  });

  // Commander rejects the first unknown flag after it has parsed everything before it.
  it.each(commands)('oneclick %s is a command', async (line) => {
    const end = '--the-end-of-the-line';
    // Words after -- are another command.
    const [own = ''] = line.split(' -- ');
    const failure = await failureOf(() =>
      program(async () => testContext({ env: {}, packageDir: '/package' }), [...own.split(' '), end]),
    );
    expect(failure.message).toBe(`unknown option "${end}"`);
  });

  it('names files that are there', () => {
    const named = [...docs.matchAll(/(?<![\w/])(?:src|test|recipes|bin|schema)\/[\w./-]*\w/g)].map(
      ([path]) => path,
    );
    expect(named.length).toBeGreaterThan(10);
    expect(named.filter((path) => !path.includes('NAME') && !existsSync(new URL(path, root)))).toEqual([]);
  });

  it('names tasks that are there, but for the one that it adds', () => {
    const nouns = new Set([...tasks.keys()].map((name) => name.split('.')[0]));
    const named = [...docs.matchAll(/\b([a-z]+)\.([a-z]+)\b(?![.(/])/g)]
      .filter(([, noun = '', verb = '']) => nouns.has(noun) && !['yml', 'ts', 'js', 'swap'].includes(verb))
      .map(([name]) => name);
    const unknown = new Set(named.filter((name) => !tasks.has(name)));
    expect([...unknown]).toEqual(['container.hold']);
  });

  it('adds a task that compiles, applies its changes and undoes them', async () => {
    const compiled = read('test/fixtures/container-hold.ts')
      .replaceAll("'../../src/domain/", "'../domain/")
      .replace("'../../src/tasks/", "'./");
    expect(blocks.find(({ language }) => language === 'ts')?.text).toBe(compiled);
    const fleet = new Fleet(1);
    fleet.push('web', 'v1');
    const web = serviceOn('web', 8080, { count: 1 });
    await fleet.deploy(web);
    const { run } = await fleet.plan('deploy', [web]);
    const [instance] = web.instances;
    if (instance === undefined) throw new Error('web runs nowhere');
    const subject = { run, step: 'container.hold/web/i-1', services: [web], service: web, instance };
    const { clock } = fleet;
    const { signal } = new AbortController();
    await fleet.connected([web], async (connected) => {
      const { ports } = connected;
      const place = { ports, clock, signal, subject, progress: () => {}, warn: () => {} };
      const verdict = containerHold.check(await connected.facts(), {}, place.subject);
      if (verdict.kind !== 'todo') throw new Error(`it is ${verdict.kind}`);
      await containerHold.apply(place, verdict.intent);
      expect(fleet.running()).toEqual(['host-1 web 1 no']);
      if (typeof containerHold.undo === 'function') await containerHold.undo(place, verdict.intent, {});
      expect(fleet.running()).toEqual(['host-1 web 1 unless-stopped']);
    });
  });

  it('shows commands that a deploy is explained by', async () => {
    const fleet = new Fleet(1);
    for (const tag of ['v1', 'v2']) fleet.push('web', tag);
    const web = serviceOn('web', 80, { count: 1, stop: { timeout: 10_000 } });
    await fleet.deploy(web);
    const next = at(web, 'v2');
    const { steps } = explain(
      await fleet.plan('deploy', [next]),
      await fleet.facts([next]),
      tasks,
      awsCommand,
    );
    const ways = new Map([['host-1', ['ssh', 'deploy@10.0.0.5']]]);
    const document = explanationDocument({
      environment: 'production',
      recipe: 'deploy',
      steps,
      sshCommands: ways,
    });
    const text = explanationText(document, { columns: 80, style: plainStyle }).replaceAll('host-1', 'web-1');
    expect(text).toContain(blocks.find(({ language }) => language === 'sh')?.text);
  });

  it.each(settingsTable())('sets the same value by %s, %s and %s', async (...ways) => {
    const [flag = '', variable = '', line = ''] = ways;
    const [name = '', value = ''] = variable.split('=');
    const said = [
      await heard(flag.split(' ')),
      ...(variable === '' ? [] : [await heard([], { [name]: value })]),
      ...(line === '' ? [] : [await heard([], {}, `${line}\n`)]),
    ];
    for (const one of said) {
      expect(one).toEqual(said[0]);
      expect(one).not.toEqual(await heard([]));
    }
  });

  it('lists the exit codes that there are', () => {
    const kinds: Record<FailureKind, true> = {
      failed: true,
      usage: true,
      lease: true,
      access: true,
      unreachable: true,
      unhealthy: true,
      changed: true,
      interrupted: true,
    };
    const codes = Object.keys(kinds).map((kind) => exitCode([kind as FailureKind]));
    expect(firstColumn('Exit codes').map(Number)).toEqual(
      [0, ...codes, attentionExitCode, 143].sort((a, b) => a - b),
    );
  });

  it('explains words that the code uses', () => {
    const code = sources().join('\n');
    const words = firstColumn('Glossary').flatMap((cell) => cell.split(', '));
    expect(words.filter((word) => !new RegExp(`\\b${word}`, 'i').test(code))).toEqual([]);
  });
});

/** The cells of the table of settings, without what they mean. */
function settingsTable(): string[][] {
  const section = docs.split("## Flags, variables and the user's file\n")[1]?.split(/\n##? /)[0] ?? '';
  const rows = section.split('\n').filter((line) => line.startsWith('| `'));
  return rows.map((row) =>
    row
      .split('|')
      .slice(1, 4)
      .map((cell) => cell.replaceAll('`', '').trim()),
  );
}

/** What holds for a command where this was typed, with these variables and this file of the user. */
async function heard(flags: readonly string[], env: Context['env'] = {}, file = '') {
  const folder = await mkdtemp(join(tmpdir(), 'readme-'));
  await writeFile(join(folder, 'config.yml'), file);
  let globals: (Globals & { readonly env?: string }) | undefined;
  const open = async () => ({
    ...testContext({ env: {}, packageDir: '/package' }),
    env,
    configDir: folder,
    cwd: folder,
  });
  await failureOf(() =>
    program(open, ['config', 'show', ...flags], (settled) => {
      globals = settled;
    }),
  );
  await rm(folder, { recursive: true });
  if (globals === undefined) throw new Error(`${flags.join(' ')} is not understood`);
  const { json, plain, detail, input, color, file: path, environment } = globals;
  const name = resolveSetting({ flag: globals.env, ...environment })?.value;
  return { json, plain, detail, input, color, path, name };
}

function read(path: string): string {
  return readFileSync(new URL(path, root), 'utf8');
}

function sources(): string[] {
  const paths = readdirSync(new URL('src', root), { recursive: true, encoding: 'utf8' });
  return paths.filter((path) => path.endsWith('.ts')).map((path) => read(`src/${path}`));
}

/** The first cells of the table below a heading. */
function firstColumn(heading: string): string[] {
  const section = docs.split(`# ${heading}\n`)[1]?.split(/\n##? /)[0] ?? '';
  return [...section.matchAll(/^\| ([^|]+?) +\|/gm)].map(([, cell = '']) => cell).slice(2);
}
