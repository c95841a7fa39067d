import type { Command } from 'commander';
import { aboutServers, type Bind, building, changing, collect, examples, wholeNumber } from './flags.js';

/** What is typed to ship: from a first file to a release, and back. */
export function shipping(root: Command, bind: Bind): void {
  root
    .command('init')
    .summary('write a first oneclick.yml by what is in this folder')
    .option('--from-compose <file>', 'turn this compose file into services')
    .option('--dry-run', 'print the file, and write nothing', false)
    .option('-y, --yes', 'do not ask', false)
    .addHelpText(
      'before',
      examples('oneclick init', 'oneclick init --from-compose compose.yml', 'oneclick init --dry-run'),
    )
    .action(bind(async () => (await import('../commands/init.js')).init));

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
    .action(bind(async () => (await import('../commands/build.js')).build));

  building(
    changing(root.command('deploy').argument('[service...]', 'the services to deploy; all by default')),
  )
    .summary('put a new release on every instance')
    .option('--image <ref>', 'deploy this image: REF, or service=REF (repeatable)', collect)
    .option('--tag <tag>', 'deploy this tag of the named services, and of those that are built')
    .option('--build', 'build and push what has build: first, and deploy that', false)
    .option('--push-over-ssh', 'with --build: no registry; hosts pull what they lack through SSH', false)
    .option('--no-settle', 'behind a load balancer: do not wait for old containers to drain')
    .option(
      '--canary <share>',
      'behind a load balancer: on a few instances beside the old one, for this share of the requests',
    )
    .option('--adopt <container>', 'take over a container that holds the port, as release 0')
    .addHelpText(
      'before',
      examples(
        'oneclick deploy',
        'oneclick deploy web --image ghcr.io/acme/web:v2',
        'oneclick deploy --build',
        'oneclick deploy --build --push-over-ssh',
        'oneclick deploy web --canary 10%',
        'oneclick deploy --dry-run',
        'oneclick deploy --explain',
      ),
    )
    .action(bind(async () => (await import('../commands/deploy.js')).deploy));

  changing(
    root
      .command('promote')
      .argument('[service...]', 'the services whose canary it is; all that have one by default'),
  )
    .summary('put the release of the canary on every instance')
    .option('--no-settle', 'behind a load balancer: do not wait for old containers to drain')
    .addHelpText('before', examples('oneclick promote', 'oneclick promote web --dry-run'))
    .action(bind(async () => (await import('../commands/deploy.js')).promote));

  changing(
    root
      .command('rollback')
      .argument('[service...]', 'the services to bring back; those of the last run by default'),
  )
    .summary('bring the release before the current one back')
    .option('--to <release>', 'the number of the release to bring back', wholeNumber)
    .option('--no-settle', 'behind a load balancer: do not wait for old containers to drain')
    .option('--current-secrets', "make the containers anew where a secret's value has changed", false)
    .addHelpText(
      'before',
      examples('oneclick rollback', 'oneclick rollback web --to 3', 'oneclick rollback --dry-run'),
    )
    .action(bind(async () => (await import('../commands/deploy.js')).rollback));

  changing(root.command('run').argument('<recipe>', 'the name of the recipe'))
    .summary('run any recipe')
    .option('--set <name=value>', 'a parameter of the recipe (repeatable)', collect)
    .addHelpText('before', examples('oneclick run nightly --set batch=1', 'oneclick recipe list'))
    .action(bind(async () => (await import('../commands/run.js')).runRecipe));

  changing(root.command('plan').argument('[service...]', 'the services to plan for'))
    .summary('say what a deploy would do, and do nothing')
    .option('--recipe <name>', 'another recipe than deploy', 'deploy')
    .option('--image <ref>', 'plan with this image (repeatable)', collect)
    .option('--tag <tag>', 'plan with this tag')
    .option('--set <name=value>', 'a parameter of the recipe (repeatable)', collect)
    .addHelpText('before', examples('oneclick plan', 'oneclick plan --recipe rollback'))
    .action(bind(async () => (await import('../commands/run.js')).plan));
}
