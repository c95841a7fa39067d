import { type Command, Option } from 'commander';
import { aboutServers, type Bind, collect, examples, family, times, wholeNumber } from './flags.js';

/** What is typed now and then: to keep services, runs, recipes and machines in order. */
export function keeping(root: Command, bind: Bind): void {
  for (const [verb, summary] of [
    ['restart', 'restart what runs, one host after the other'],
    ['stop', 'stop what runs'],
    ['start', 'start the current release where it was stopped'],
  ] as const) {
    const command = aboutServers(root.command(verb).argument('[service...]', 'the services; all by default'))
      .summary(summary)
      .option('--host <host>', 'only on this host (repeatable)', collect, [])
      .option('--dry-run', 'say what would be done, and do nothing', false)
      .option('--explain', 'the same as commands for a shell', false)
      .option('--wait', 'wait for a lease that another run holds', false);
    if (verb === 'stop') command.option('-y, --yes', 'do not ask', false);
    command
      .addHelpText('before', examples(`oneclick ${verb} web`, `oneclick ${verb} web --host web-1 --dry-run`))
      .action(bind(async () => (await import('../commands/power.js')).power(verb)));
  }

  aboutServers(
    root.command('resume').argument('[run]', 'the ID of the run; the last unfinished one by default'),
  )
    .summary('go on with a run that was interrupted')
    .option('--revert', 'take it back instead', false)
    .option('--wait', 'wait for a lease that another run holds', false)
    .addHelpText('before', examples('oneclick resume', 'oneclick resume 3f2a9c --revert'))
    .action(bind(async () => (await import('../commands/resume.js')).resume));

  aboutServers(root.command('doctor'))
    .summary('look at everything that a deploy needs, and say what mends it')
    .option('--fix', 'add files with secrets to .gitignore', false)
    .option('-y, --yes', 'do not ask', false)
    .addHelpText(
      'before',
      examples('oneclick doctor', 'oneclick doctor --env production', 'oneclick doctor --fix'),
    )
    .action(bind(async () => (await import('../commands/doctor.js')).doctor));

  const host = family(root, 'host', 'make hosts ready for a deploy');
  aboutServers(host.command('bootstrap').argument('[host...]', 'the hosts; all by default'))
    .summary('install Docker where there is none')
    .option('--dry-run', 'say what would be run there, and do nothing', false)
    .option('-y, --yes', 'do not ask', false)
    .addHelpText(
      'before',
      examples(
        'oneclick host bootstrap web-1',
        'oneclick host bootstrap --env production --dry-run',
        'oneclick host bootstrap --yes',
      ),
    )
    .action(bind(async () => (await import('../commands/host.js')).bootstrap));

  const config = family(root, 'config', 'check oneclick.yml, see what it comes to, look up its keys');
  aboutServers(config.command('check'))
    .summary('say every problem of oneclick.yml')
    .addHelpText('before', examples('oneclick config check', 'oneclick config check --env production'))
    .action(bind(async () => (await import('../commands/config.js')).check));
  aboutServers(config.command('show'))
    .summary('print an environment with everything filled in')
    .addHelpText('before', examples('oneclick config show', 'oneclick config show --env production --json'))
    .action(bind(async () => (await import('../commands/config.js')).show));
  config
    .command('schema')
    .summary('print the JSON Schema of oneclick.yml, for editors')
    .addHelpText('before', examples('oneclick config schema'))
    .action(bind(async () => (await import('../commands/config.js')).schema));
  config
    .command('docs')
    .summary('print every key of oneclick.yml and what it means')
    .addHelpText('before', examples('oneclick config docs'))
    .action(bind(async () => (await import('../commands/config.js')).docs));

  const recipe = family(root, 'recipe', 'look at recipes, or copy one to change it');
  recipe
    .command('list')
    .summary('list them')
    .action(bind(async () => (await import('../commands/recipe.js')).list));
  recipe
    .command('show')
    .argument('<name>')
    .summary('print one as it stands')
    .option('--tasks', 'say what each task does and how it is taken back', false)
    .addHelpText('before', examples('oneclick recipe show deploy'))
    .action(bind(async () => (await import('../commands/recipe.js')).show));
  recipe
    .command('eject')
    .argument('<name>')
    .summary('copy one into .oneclick/recipes, where yours wins')
    .addHelpText('before', examples('oneclick recipe eject deploy'))
    .action(bind(async () => (await import('../commands/recipe.js')).eject));

  const lease = family(root, 'lease', 'see who holds the servers, or take them over');
  aboutServers(lease.command('show', { isDefault: true }))
    .summary('say who holds them')
    .action(bind(async () => (await import('../commands/lease.js')).show));
  aboutServers(lease.command('take'))
    .summary('end the run that holds them')
    .option('-y, --yes', 'do not ask', false)
    .action(bind(async () => (await import('../commands/lease.js')).take));

  const sandbox = family(root, 'sandbox', 'a private set of real machines on this one, to try things on');
  for (const [verb, summary] of [
    ['up', 'start the machines, or mend them'],
    ['down', 'remove the machines and everything on them'],
    ['status', 'say where the machines are'],
    ['env', 'print what points an AWS tool at the sandbox'],
  ] as const) {
    const command = sandbox
      .command(verb)
      .summary(summary)
      .option('--name <name>', 'another sandbox than the default one');
    if (verb === 'up')
      command
        .option('--machines <n>', 'how many', wholeNumber)
        .addOption(
          new Option('--profile <name>', 'whether its AWS is as slow as the real one; fast at first').choices(
            ['fast', 'realistic'],
          ),
        )
        .option('--seed <text>', 'what its chances come from: the same seed gives the same delays');
    command
      .addHelpText(
        'before',
        examples(verb === 'env' ? 'eval "$(oneclick sandbox env)"' : `oneclick sandbox ${verb}`),
      )
      .action(bind(async () => (await import('../commands/sandbox.js')).sandbox(verb)));
  }
  sandbox
    .command('fault')
    .argument('[fault]', 'the fault; none lists them all')
    .summary('let its AWS fail as the real one does: the next calls, or always')
    .option('--times <n>', 'how many calls it strikes, or always; 1 by default', times)
    .option('--on <action>', 'only calls of this action: DescribeInstances …')
    .option('--clear', 'switch it off; without a fault all of them', false)
    .option('--name <name>', 'another sandbox than the default one')
    .addHelpText(
      'before',
      examples(
        'oneclick sandbox fault',
        'oneclick sandbox fault capacity --times 3',
        'oneclick sandbox fault throttle --on DescribeInstances --times always',
        'oneclick sandbox fault --clear',
      ),
    )
    .action(bind(async () => (await import('../commands/sandbox-fault.js')).fault));
}
