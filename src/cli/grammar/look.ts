import { type Command, Option } from 'commander';
import { aboutServers, type Bind, collect, examples, secondsOrWord, wholeNumber } from './flags.js';

/** What is typed to see what runs, and to get at it. */
export function looking(root: Command, bind: Bind): void {
  aboutServers(root.command('status').argument('[service...]', 'the services to look at'))
    .summary('show what runs where, and what is not as it should be')
    .addOption(
      new Option('-w, --watch [seconds]', 'look again every so many seconds: 2, or as you say')
        .preset('2')
        .argParser(secondsOrWord),
    )
    .addHelpText(
      'before',
      examples('oneclick status', 'oneclick status --watch', 'oneclick status --env production --json'),
    )
    .action(bind(async () => (await import('../commands/status.js')).status));

  aboutServers(root.command('history').argument('[service...]', 'the services it is about; all by default'))
    .summary('show what was done, newest first')
    .option('-n, --number <n>', 'how many at most: 20 by default', wholeNumber, 20)
    .addHelpText(
      'before',
      examples('oneclick history', 'oneclick history web -n 50', 'oneclick history --json'),
    )
    .action(bind(async () => (await import('../commands/history.js')).history));

  aboutServers(root.command('releases').argument('[service...]', 'the services it is about; all by default'))
    .summary('show the releases, and where a rollback leads')
    .addHelpText('before', examples('oneclick releases', 'oneclick releases web --json'))
    .action(bind(async () => (await import('../commands/releases.js')).releases));

  aboutServers(
    root
      .command('diff')
      .usage('[A] [B] [service] [options]')
      .argument('[release...]', 'numbers, current, or next: what is configured now; by default the last two'),
  )
    .summary('show what differs between two releases')
    .addHelpText('before', examples('oneclick diff', 'oneclick diff next', 'oneclick diff 2 3 web'))
    .action(bind(async () => (await import('../commands/diff.js')).diff));

  aboutServers(root.command('logs').argument('[service...]', 'the services to listen to'))
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
    .action(bind(async () => (await import('../commands/logs.js')).logs));

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
    .action(bind(async () => (await import('../commands/exec.js')).exec));

  aboutServers(
    root
      .command('cp')
      .usage('SOURCE TARGET [options]')
      // The command itself says what is missing or too much, with an example.
      .allowExcessArguments()
      .argument('[path...]', 'one here, and one in a container: service:/path, service/2:/path'),
  )
    .summary('copy files into a container of a service, or out of it')
    .option('--host <host>', 'in the instance on this host; the first one by default')
    .option('--all', 'into every instance', false)
    .addHelpText(
      'before',
      examples(
        'oneclick cp web:/var/log/app ./logs',
        'oneclick cp db/2:/backup/monday.sql .',
        'oneclick cp site.conf web:/etc/app/ --all',
        'oneclick cp ./public/. web:/srv/public --host web-1',
      ),
    )
    .action(bind(async () => (await import('../commands/cp.js')).cp));

  aboutServers(
    root
      .command('ssh')
      .usage('[host] [options] [-- COMMAND...]')
      .allowExcessArguments()
      .argument('[host]', 'the host, or service/1 for that of its first instance'),
  )
    .summary('open a shell on a host, or run a command there')
    .addHelpText('before', examples('oneclick ssh', 'oneclick ssh web/1', 'oneclick ssh web-1 -- df -h'))
    .action(bind(async () => (await import('../commands/ssh.js')).ssh));
}
