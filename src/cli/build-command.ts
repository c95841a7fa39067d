import { type Command, Option } from 'commander';
import type { CommandDefinition, CommandEntry, Family, OptionDefinition } from './define-command.js';
import { LazyCommand } from './lazy-command.js';

/** Adds commands and families below `root`; `start` is called with the one that was typed. */
export function addCommands(
  root: Command,
  commands: readonly (CommandEntry | Family)[],
  start: (entry: CommandEntry, command: Command) => Promise<void>,
): void {
  for (const listed of commands) {
    if ('commands' in listed) {
      const { name, summary } = listed;
      const parent = new LazyCommand(name).copyInheritedSettings(root);
      root.addCommand(parent.description(summary));
      addCommands(parent, listed.commands, start);
    } else {
      const { definition } = listed;
      const command = build(root, definition);
      root.addCommand(
        command.action(() => start(listed, command)),
        { isDefault: definition.isDefault === true },
      );
    }
  }
}

function build(root: Command, definition: CommandDefinition): Command {
  const options = () => Object.values(definition.options).map(commanderOption);
  const command = new LazyCommand(definition.name, options)
    .copyInheritedSettings(root)
    .description(definition.summary)
    .addHelpText('before', exampleText(definition.examples));
  for (const [name, description] of Object.entries(definition.arguments ?? {}))
    command.argument(name, description);
  if (definition.note !== undefined) command.addHelpText('after', `\n${definition.note}`);
  if (definition.usage !== undefined) command.usage(definition.usage);
  return definition.allowExcessArguments === true ? command.allowExcessArguments() : command;
}

/** The block of examples above a help text. */
export function exampleText(examples: readonly string[]): string {
  return `Examples:\n${examples.map((line) => `  $ ${line}\n`).join('')}`;
}

/** The option as commander takes it. */
export function commanderOption(definition: OptionDefinition): Option {
  const option = new Option(definition.flags, definition.description);
  switch (definition.kind) {
    case 'flag':
      return option.default(option.negate);
    case 'list':
      return option.default([]).argParser<readonly string[]>((text, previous) => [...previous, text]);
    case 'value': {
      option.argParser(definition.parse);
      if (definition.default !== undefined) option.default(definition.default);
      return definition.preset === undefined ? option : option.preset(definition.preset);
    }
  }
}
