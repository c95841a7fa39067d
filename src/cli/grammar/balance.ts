import type { Command } from 'commander';
import { aboutServers, type Bind, examples, family } from './flags.js';

/** What is typed to see and to change who answers behind a load balancer. */
export function balancing(root: Command, bind: Bind): void {
  aboutServers(root.command('settle').argument('[service...]', 'the services; all by default'))
    .summary('stop old releases that a load balancer has nothing to do with any more')
    .option('--dry-run', 'say what would be done, and do nothing', false)
    .option('--explain', 'the same as commands for a shell', false)
    .option('--wait', 'wait for a lease that another run holds', false)
    .addHelpText('before', examples('oneclick settle', 'oneclick settle web --env production'))
    .action(bind(async () => (await import('../commands/settle.js')).settle));

  const lb = family(root, 'lb', 'see and change which instances their load balancers send requests to');

  aboutServers(lb.command('status').argument('[service...]', 'the services to look at'))
    .summary('show every target: its state, why, and which release answers there')
    .addHelpText('before', examples('oneclick lb status', 'oneclick lb status web --env production --json'))
    .action(bind(async () => (await import('../commands/lb.js')).status));

  for (const [verb, summary, more] of [
    ['activate', 'put instances behind their load balancer, and wait until it calls them healthy', 'web/2'],
    ['deactivate', 'take instances out, wait until they have drained, and keep them out', 'web/2 --dry-run'],
  ] as const) {
    const command = aboutServers(
      lb.command(verb).argument('<instance...>', 'instance IDs, hosts, Name tags, or service/2'),
    )
      .summary(summary)
      .option('--dry-run', 'say what would be done, and do nothing', false)
      .option('--explain', 'the same as commands for a shell', false);
    if (verb === 'deactivate') command.option('--force', 'also the last healthy one', false);
    command
      .addHelpText(
        'before',
        examples(`oneclick lb ${verb} i-0123456789abcdef0`, `oneclick lb ${verb} ${more}`),
      )
      .action(bind(async () => (await import('../commands/lb.js')).change(verb)));
  }

  aboutServers(lb.command('tune').argument('[service...]', 'the services whose target groups are meant'))
    .summary('set health checks and drain so that a deploy need not wait long')
    .option('--dry-run', 'say what would be done, and do nothing', false)
    .option('--explain', 'the same as commands for a shell', false)
    .option('-y, --yes', 'do not ask', false)
    .addHelpText('before', examples('oneclick lb tune --dry-run', 'oneclick lb tune web --yes'))
    .action(bind(async () => (await import('../commands/lb.js')).tune));

  const iam = family(root, 'iam', 'what oneclick has to be allowed at AWS');
  iam
    .command('policy')
    .summary('print the policy: exactly the actions that are called')
    .addHelpText('before', examples('oneclick iam policy', 'oneclick iam policy > policy.json'))
    .action(bind(async () => (await import('../commands/iam.js')).policy));
}
