import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { Failure } from '../domain/failure.js';
import { nearest } from '../domain/nearest.js';
import type { Edge } from './edge.js';

/** What every command takes. */
export interface Globals {
  readonly json: boolean;
  readonly plain: boolean;
  readonly color: boolean;
  readonly file?: string;
}

/** What the commands take that end in another command. */
export interface WordsFlags extends Globals {
  /** What stands after `--`; undefined without that. */
  readonly words?: readonly string[];
}

/** What the commands that change servers take. */
export interface ChangeFlags extends Globals {
  readonly env?: string;
  readonly only: readonly string[];
  readonly batch?: string;
  readonly dryRun: boolean;
  readonly onFailure?: 'revert' | 'stop';
  readonly wait: boolean;
  readonly yes: boolean;
}

const collect = (value: string, before: readonly string[] = []): readonly string[] => [...before, value];

function wholeNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('It is not a whole number.');
  return Number(text);
}

function seconds(text: string): number {
  if (!/^[1-9]\d{0,4}$/.test(text)) throw new InvalidArgumentError('It is not a number of seconds.');
  return Number(text);
}

/** Reads the arguments, runs the command that they name, and gives its exit code. The edge is opened for a command only, not for help. */
export async function program(openEdge: () => Promise<Edge>, argv: readonly string[]): Promise<number> {
  let code = 0;
  const [own, words] = cutWords(argv);
  const root = base('oneclick')
    .description(
      'Ships container images to servers, and brings them back. Each command is a recipe of small tasks.',
    )
    .option('-V, --version', 'print the version')
    .addHelpText(
      'before',
      examples(
        'oneclick deploy',
        'oneclick deploy web --tag v2 --env production',
        'oneclick rollback',
        'oneclick status',
        'oneclick logs --follow',
      ),
    );
  /** Runs what a command is bound to; its module, and what that needs, is loaded only now. */
  const bind =
    <Flags extends Globals>(
      load: () => Promise<(edge: Edge, args: readonly string[], flags: Flags) => Promise<number>>,
    ) =>
    async (...given: unknown[]) => {
      const command = given.at(-1);
      if (!(command instanceof Command)) throw new Error('commander calls an action with its command last');
      const [edge, act] = await Promise.all([openEdge(), load()]);
      code = await act(edge, command.args, { ...command.optsWithGlobals<Flags>(), words });
    };

  everywhere(root.command('init'))
    .summary('write a first oneclick.yml by what is in this folder')
    .option('--from-compose <file>', 'turn this compose file into services')
    .option('--dry-run', 'print the file, and write nothing', false)
    .option('-y, --yes', 'do not ask', false)
    .addHelpText(
      'before',
      examples('oneclick init', 'oneclick init --from-compose compose.yml', 'oneclick init --dry-run'),
    )
    .action(bind(async () => (await import('./commands/init.js')).init));

  building(
    aboutServers(root.command('build').argument('[service...]', 'the services to build; all by default')),
  )
    .summary('build the images of what has build:, with your own docker')
    .option('--push', 'push them to their registry too', false)
    .option('--tag <tag>', 'this tag; the git commit by default')
    .addHelpText(
      'before',
      examples(
        'oneclick build',
        'oneclick build web --push',
        'oneclick build --tag v2 --platform linux/arm64',
      ),
    )
    .action(bind(async () => (await import('./commands/build.js')).build));

  building(
    changing(root.command('deploy').argument('[service...]', 'the services to deploy; all by default')),
  )
    .summary('put a new release on every instance')
    .option('--image <ref>', 'deploy this image: REF, or service=REF (repeatable)', collect)
    .option('--tag <tag>', 'deploy this tag of the named services, and of those that are built')
    .option('--build', 'build and push what has build: first, and deploy that', false)
    .option('--adopt <container>', 'take over a container that holds the port, as release 0')
    .addHelpText(
      'before',
      examples(
        'oneclick deploy',
        'oneclick deploy web --image ghcr.io/acme/web:v2',
        'oneclick deploy --build',
        'oneclick deploy --dry-run',
      ),
    )
    .action(bind(async () => (await import('./commands/deploy.js')).deploy));

  changing(
    root
      .command('rollback')
      .argument('[service...]', 'the services to bring back; those of the last run by default'),
  )
    .summary('bring the release before the current one back')
    .option('--to <release>', 'the number of the release to bring back', wholeNumber)
    .option('--current-secrets', "make the containers anew where a secret's value has changed", false)
    .addHelpText(
      'before',
      examples('oneclick rollback', 'oneclick rollback web --to 3', 'oneclick rollback --dry-run'),
    )
    .action(bind(async () => (await import('./commands/deploy.js')).rollback));

  changing(root.command('run').argument('<recipe>', 'the name of the recipe'))
    .summary('run any recipe')
    .option('--set <name=value>', 'a parameter of the recipe (repeatable)', collect)
    .addHelpText('before', examples('oneclick run nightly --set batch=1', 'oneclick recipe list'))
    .action(bind(async () => (await import('./commands/run.js')).runRecipe));

  changing(root.command('plan').argument('[service...]', 'the services to plan for'))
    .summary('say what a deploy would do, and do nothing')
    .option('--recipe <name>', 'another recipe than deploy', 'deploy')
    .option('--image <ref>', 'plan with this image (repeatable)', collect)
    .option('--tag <tag>', 'plan with this tag')
    .option('--set <name=value>', 'a parameter of the recipe (repeatable)', collect)
    .addHelpText('before', examples('oneclick plan', 'oneclick plan --recipe rollback'))
    .action(bind(async () => (await import('./commands/run.js')).plan));

  aboutServers(root.command('status').argument('[service...]', 'the services to look at'))
    .summary('show what runs where, and what is not as it should be')
    .addOption(
      new Option('-w, --watch [seconds]', 'look again every so many seconds: 2, or as you say')
        .preset('2')
        .argParser(seconds),
    )
    .addHelpText(
      'before',
      examples('oneclick status', 'oneclick status --watch', 'oneclick status --env production --json'),
    )
    .action(bind(async () => (await import('./commands/status.js')).status));

  aboutServers(root.command('history').argument('[service...]', 'the services it is about; all by default'))
    .summary('show what was done, newest first')
    .option('-n, --number <n>', 'how many at most: 20 by default', wholeNumber, 20)
    .addHelpText(
      'before',
      examples('oneclick history', 'oneclick history web -n 50', 'oneclick history --json'),
    )
    .action(bind(async () => (await import('./commands/history.js')).history));

  aboutServers(root.command('releases').argument('[service...]', 'the services it is about; all by default'))
    .summary('show the releases, and where a rollback leads')
    .addHelpText('before', examples('oneclick releases', 'oneclick releases web --json'))
    .action(bind(async () => (await import('./commands/releases.js')).releases));

  aboutServers(
    root
      .command('diff')
      .usage('[A] [B] [service] [options]')
      .argument('[release...]', 'numbers, current, or next: what is configured now; by default the last two'),
  )
    .summary('show what differs between two releases')
    .addHelpText('before', examples('oneclick diff', 'oneclick diff next', 'oneclick diff 2 3 web'))
    .action(bind(async () => (await import('./commands/diff.js')).diff));

  aboutServers(root.command('logs').argument('[service...]', 'the services to listen to'), '--file <path>')
    .summary('show what the services write')
    .option('-f, --follow', 'go on with what they will write', false)
    .option(
      '-n, --lines <n>',
      'the last lines of each instance: 100, or all with --since or --grep',
      wholeNumber,
    )
    .option('--since <time>', 'only what is not older: 10m, 2h, 3d or an ISO 8601 time')
    .option('--host <host>', 'only of this host (repeatable)', collect, [])
    .option('--grep <text>', 'only lines with this text')
    .addHelpText(
      'before',
      examples(
        'oneclick logs --follow',
        'oneclick logs web --since 10m --grep error',
        'oneclick logs web --host web-1 --lines 20 --json',
      ),
    )
    .action(bind(async () => (await import('./commands/logs.js')).logs));

  aboutServers(
    root
      .command('exec')
      .usage('[service] [options] -- COMMAND...')
      // What is too much is a command without its --, which the command itself explains.
      .allowExcessArguments()
      .argument('[service]', 'the service; needed where there are several'),
  )
    .summary('run a command in a container of a service')
    .option('-i, --interactive', 'pass the input on', false)
    .option('-t, --tty', 'give it a terminal, this one', false)
    .option('--host <host>', 'on this host; the first instance by default')
    .option('--all', 'on every instance, each line with its host', false)
    .option('--new', 'in a container of its own, which is removed afterwards', false)
    .addHelpText(
      'before',
      examples(
        'oneclick exec web -t -- sh',
        'oneclick exec web --all -- cat /etc/hostname',
        'oneclick exec web --new -- bin/migrate --status',
        'oneclick exec db -i -- psql < dump.sql',
      ),
    )
    .action(bind(async () => (await import('./commands/exec.js')).exec));

  aboutServers(
    root
      .command('ssh')
      .usage('[host] [options] [-- COMMAND...]')
      .allowExcessArguments()
      .argument('[host]', 'the host, or service/1 for that of its first instance'),
  )
    .summary('open a shell on a host, or run a command there')
    .addHelpText('before', examples('oneclick ssh', 'oneclick ssh web/1', 'oneclick ssh web-1 -- df -h'))
    .action(bind(async () => (await import('./commands/ssh.js')).ssh));

  for (const [verb, summary] of [
    ['restart', 'restart what runs, one host after the other'],
    ['stop', 'stop what runs'],
    ['start', 'start the current release where it was stopped'],
  ] as const) {
    const command = aboutServers(root.command(verb).argument('[service...]', 'the services; all by default'))
      .summary(summary)
      .option('--host <host>', 'only on this host (repeatable)', collect, [])
      .option('--dry-run', 'say what would be done, and do nothing', false)
      .option('--wait', 'wait for a lease that another run holds', false);
    if (verb === 'stop') command.option('-y, --yes', 'do not ask', false);
    command
      .addHelpText('before', examples(`oneclick ${verb} web`, `oneclick ${verb} web --host web-1 --dry-run`))
      .action(bind(async () => (await import('./commands/power.js')).power(verb)));
  }

  aboutServers(
    root.command('resume').argument('[run]', 'the ID of the run; the last unfinished one by default'),
  )
    .summary('go on with a run that was interrupted')
    .option('--revert', 'take it back instead', false)
    .option('--wait', 'wait for a lease that another run holds', false)
    .addHelpText('before', examples('oneclick resume', 'oneclick resume 3f2a9c --revert'))
    .action(bind(async () => (await import('./commands/resume.js')).resume));

  aboutServers(root.command('doctor'))
    .summary('look at everything that a deploy needs, and say what mends it')
    .option('--fix', 'add files with secrets to .gitignore', false)
    .option('-y, --yes', 'do not ask', false)
    .addHelpText(
      'before',
      examples('oneclick doctor', 'oneclick doctor --env production', 'oneclick doctor --fix'),
    )
    .action(bind(async () => (await import('./commands/doctor.js')).doctor));

  const config = family(root, 'config', 'check oneclick.yml, see what it comes to, look up its keys');
  aboutServers(config.command('check'))
    .summary('say every problem of oneclick.yml')
    .addHelpText('before', examples('oneclick config check', 'oneclick config check --env production'))
    .action(bind(async () => (await import('./commands/config.js')).check));
  aboutServers(config.command('show'))
    .summary('print an environment with everything filled in')
    .addHelpText('before', examples('oneclick config show', 'oneclick config show --env production --json'))
    .action(bind(async () => (await import('./commands/config.js')).show));
  everywhere(config.command('schema'))
    .summary('print the JSON Schema of oneclick.yml, for editors')
    .addHelpText('before', examples('oneclick config schema'))
    .action(bind(async () => (await import('./commands/config.js')).schema));
  everywhere(config.command('docs'))
    .summary('print every key of oneclick.yml and what it means')
    .addHelpText('before', examples('oneclick config docs'))
    .action(bind(async () => (await import('./commands/config.js')).docs));

  const recipe = family(root, 'recipe', 'look at recipes, or copy one to change it');
  everywhere(recipe.command('list'))
    .summary('list them')
    .action(bind(async () => (await import('./commands/recipe.js')).list));
  everywhere(recipe.command('show').argument('<name>'))
    .summary('print one as it stands')
    .option('--tasks', 'say what each task does and how it is taken back', false)
    .addHelpText('before', examples('oneclick recipe show deploy'))
    .action(bind(async () => (await import('./commands/recipe.js')).show));
  everywhere(recipe.command('eject').argument('<name>'))
    .summary('copy one into .oneclick/recipes, where yours wins')
    .addHelpText('before', examples('oneclick recipe eject deploy'))
    .action(bind(async () => (await import('./commands/recipe.js')).eject));

  const lease = family(root, 'lease', 'see who holds the servers, or take them over');
  aboutServers(lease.command('show', { isDefault: true }))
    .summary('say who holds them')
    .action(bind(async () => (await import('./commands/lease.js')).show));
  aboutServers(lease.command('take'))
    .summary('end the run that holds them')
    .option('-y, --yes', 'do not ask', false)
    .action(bind(async () => (await import('./commands/lease.js')).take));

  const sandbox = family(root, 'sandbox', 'a private set of real machines on this one, to try things on');
  for (const [verb, summary] of [
    ['up', 'start the machines, or mend them'],
    ['down', 'remove the machines and everything on them'],
    ['status', 'say where the machines are'],
  ] as const) {
    const command = everywhere(sandbox.command(verb))
      .summary(summary)
      .option('--name <name>', 'another sandbox than the default one');
    if (verb === 'up') command.option('--machines <n>', 'how many', wholeNumber);
    command
      .addHelpText('before', examples(`oneclick sandbox ${verb}`))
      .action(bind(async () => (await import('./commands/sandbox.js')).sandbox(verb)));
  }

  try {
    await root.parseAsync([...own], { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) return usage(error, argv, root);
    throw error;
  }
  return code;
}

/** The arguments up to `--`, and what stands after it, of the commands that end in another command. */
function cutWords(argv: readonly string[]): readonly [readonly string[], (readonly string[])?] {
  const cut = ['exec', 'ssh'].includes(argv[0] ?? '') ? argv.indexOf('--') : -1;
  return cut < 0 ? [argv] : [argv.slice(0, cut), argv.slice(cut + 1)];
}

function base(name: string): Command {
  return new Command(name)
    .exitOverride()
    .configureOutput({ outputError: () => undefined })
    .showSuggestionAfterError(false);
}

function examples(...lines: readonly string[]): string {
  return `Examples:\n${lines.map((line) => `  $ ${line}\n`).join('')}`;
}

function family(root: Command, name: string, summary: string): Command {
  return everywhere(root.command(name).summary(summary).description(summary));
}

/** Commands inherit nothing of commander's settings that is made by hand. */
function everywhere(command: Command, file = '-f, --file <path>'): Command {
  return (
    command
      .exitOverride()
      .configureOutput({ outputError: () => undefined })
      // commander would add "(default: false)" to every flag.
      .configureHelp({ optionDescription: ({ description }) => description })
      .option('--json', 'print JSON: one event a line, or one document', false)
      .option('--plain', 'plain lines, for screen readers and logs', false)
      .option('--no-color', 'no colour')
      .option(file, 'another oneclick.yml')
  );
}

function aboutServers(command: Command, file?: string): Command {
  return everywhere(command, file).option('-e, --env <name>', 'the environment');
}

function building(command: Command): Command {
  return command
    .option('--platform <platform>', "build for linux/amd64, linux/arm64 …; your docker's own by default")
    .option('--no-cache', 'build every step anew')
    .option('--dirty', 'build changes that are in no commit; the tag says so', false);
}

function changing(command: Command): Command {
  return aboutServers(command)
    .option('--only <host>', 'only on this host (repeatable)', collect, [])
    .option('--batch <n>', 'how many instances change at a time: 1, 25% or all')
    .option('--dry-run', 'say what would be done, and do nothing', false)
    .addOption(
      new Option('--on-failure <policy>', 'what a failure leads to: revert or stop').choices([
        'revert',
        'stop',
      ]),
    )
    .option('--wait', 'wait for a lease that another run holds', false)
    .option('-y, --yes', 'do not ask', false);
}

/** Help and version are answers; everything else is a usage failure with the nearest that exists. */
function usage(error: CommanderError, argv: readonly string[], root: Command): number {
  if (error.exitCode === 0) return 0;
  if (error.code === 'commander.help') return 2;
  const message = error.message.replace(/^error: /, '').replace(/ \(Did you mean.*$/s, '');
  const command = root.commands.find((candidate) => candidate.name() === argv[0]);
  const words = [
    ...(command?.commands ?? []).map((verb) => verb.name()),
    ...root.commands.flatMap((one) => [one.name(), ...flagsOf(one)]),
  ];
  const unknown = /'([^']+)'/.exec(message)?.[1] ?? '';
  const near = error.code.includes('unknown') ? nearest(unknown, words) : undefined;
  const help = command === undefined ? 'oneclick --help' : `oneclick ${command.name()} --help`;
  throw new Failure('usage', 'arguments', message, {
    hint: near === undefined ? help : `did you mean ${near}?`,
  });
}

function flagsOf(command: Command): readonly string[] {
  return [...command.options.flatMap((option) => option.long ?? []), ...command.commands.flatMap(flagsOf)];
}
