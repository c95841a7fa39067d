import { defineCommand, type FlagsOf, list, value } from '../../define-command.js';
import { changeOptions, deployBuildOptions, settleOption } from '../../options.js';

export const deploy = defineCommand({
  name: 'deploy',
  summary: 'deploy a new release to every instance',
  arguments: { '[service...]': 'services to deploy (default: all)' },
  options: {
    ...changeOptions,
    image: list('--image <ref>', 'deploy this image: REF or SERVICE=REF (repeatable)'),
    tag: value('--tag <tag>', 'deploy this tag of named services and of services with build:'),
    ...deployBuildOptions,
    ...settleOption,
    canary: value(
      '--canary <share>',
      'behind a load balancer: deploy a canary for this share of requests, such as 10%',
    ),
    adopt: value('--adopt <container>', 'take over the container that holds the port, as release 0'),
  },
  examples: [
    'oneclick deploy',
    'oneclick deploy web --image ghcr.io/acme/web:v2',
    'oneclick deploy --build',
    'oneclick deploy --build --push-over-ssh',
    'oneclick deploy web --canary 10%',
    'oneclick deploy --dry-run',
    'oneclick deploy --explain',
  ],
});

export type DeployFlags = FlagsOf<typeof deploy>;
