import { defineCommand, type FlagsOf, flag, value } from '../../define-command.js';
import { environmentOption } from '../../options.js';

export const cp = defineCommand({
  name: 'cp',
  summary: 'copy files between this machine and a container',
  usage: 'SOURCE TARGET [options]',
  // run() explains missing and extra paths with an example.
  allowExcessArguments: true,
  arguments: { '[path...]': 'a local path and a container path, such as web:/path or web/2:/path' },
  options: {
    ...environmentOption,
    host: value('--host <host>', 'use the instance on this host (default: the first one)'),
    all: flag('--all', 'copy to every instance'),
  },
  examples: [
    'oneclick cp web:/var/log/app ./logs',
    'oneclick cp db/2:/backup/monday.sql .',
    'oneclick cp site.conf web:/etc/app/ --all',
    'oneclick cp ./public/. web:/srv/public --host web-1',
  ],
});

export type CpFlags = FlagsOf<typeof cp>;
