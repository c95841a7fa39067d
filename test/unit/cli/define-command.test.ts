import { describe, expect, it } from '@jest/globals';
import { commanderOption } from '../../../src/cli/build-command.js';
import { commands } from '../../../src/cli/commands/list.js';
import {
  choice,
  defineCommand,
  entry,
  type FlagsOf,
  flag,
  list,
  value,
} from '../../../src/cli/define-command.js';
import type { Globals } from '../../../src/cli/global-flags.js';
import { wholeNumber } from '../../../src/cli/parse-values.js';
import { program } from '../../../src/cli/program.js';
import { failureOf } from '../config/context.js';

const all = commands.flatMap((listed) =>
  'commands' in listed
    ? listed.commands.map(({ definition }) => ({ path: `${listed.name} ${definition.name}`, definition }))
    : [{ path: listed.definition.name, definition: listed.definition }],
);
const descriptions = (definition: (typeof all)[number]['definition']) => [
  definition.summary,
  ...Object.values(definition.arguments ?? {}),
  ...Object.values(definition.options).map(({ description }) => description),
];

describe.each(all.map(({ path, definition }) => [path, definition] as const))(
  'oneclick %s',
  (path, definition) => {
    it('names each option as commander does', () => {
      const names = Object.values(definition.options).map((option) =>
        commanderOption(option).attributeName(),
      );
      expect(names).toEqual(Object.keys(definition.options));
    });

    it('is described in short phrases', () => {
      for (const text of descriptions(definition)) {
        expect(text).toMatch(/^(?!the |a first |say |what |who |where )[\p{Ll}].{8,98}[^\s.]$/u);
        expect(text).not.toMatch(/\n| {2}/);
      }
      expect(definition.summary.length).toBeLessThanOrEqual(60);
    });

    it('has examples of itself', () => {
      expect(definition.examples.length).toBeGreaterThan(0);
      const name = path.replace(/ show$/, '');
      expect(definition.examples.some((line) => line.includes(`oneclick ${name}`))).toBe(true);
    });

    it('loads its code', async () => {
      const listed = commands.flatMap((one) => ('commands' in one ? one.commands : one));
      const found = listed.find((one) => one.definition === definition);
      expect(await found?.load()).toMatchObject({ run: expect.any(Function) });
    });
  },
);

describe('the flags of a command', () => {
  const serve = defineCommand({
    name: 'serve',
    summary: 'serve files',
    options: {
      dryRun: flag('--dry-run', 'show files'),
      cache: flag('--no-cache', 'serve without a cache'),
      port: { ...value('--port <n>', 'listen here', wholeNumber), default: 80 },
      root: value('--root <folder>', 'serve this folder'),
      mode: choice('--mode <mode>', 'serve like this', ['fast', 'safe']),
      host: list('--host <host>', 'serve this host'),
    },
    examples: ['serve'],
    takesCommand: true,
  });
  type Expected = Globals & {
    readonly dryRun: boolean;
    readonly cache: boolean;
    readonly port: number;
    readonly root?: string;
    readonly mode?: 'fast' | 'safe';
    readonly host: readonly string[];
    readonly command?: readonly string[];
  };

  it('have the types of its options', () => {
    const same: Same<FlagsOf<typeof serve>, Expected> = true;
    expect(same).toBe(true);
  });

  it('must be those that its code reads', () => {
    const load = async () => ({
      run: async (_: unknown, __: readonly string[], flags: { readonly port: string }) => flags.port.length,
    });
    // @ts-expect-error port is a number
    expect(entry(serve, load).definition).toBe(serve);
  });

  it('default to false, to their own default, or to an empty list', () => {
    const defaults = Object.values(serve.options).map(
      (option) => commanderOption(option).defaultValue as unknown,
    );
    expect(defaults).toEqual([false, true, 80, undefined, undefined, []]);
  });

  it('collect repeated values', () => {
    expect(commanderOption(serve.options.host).parseArg?.('b', ['a'])).toEqual(['a', 'b']);
  });

  it('are refused outside of their choices', async () => {
    const open = () => Promise.reject(new Error('no command starts'));
    const { message } = await failureOf(() => program(open, ['sandbox', 'up', '--profile', 'slow']));
    expect(message).toBe('--profile must be fast or realistic, not "slow"');
  });
});

/** True when both types are assignable to each other. */
type Same<A, B> = [A, B] extends [B, A] ? true : false;
