import { defineCommand, type FlagsOf, flag, value } from '../../define-command.js';
import { buildOptions, environmentOption } from '../../options.js';

export const build = defineCommand({
  name: 'build',
  summary: 'build images with your local Docker',
  arguments: { '[service...]': 'services to build (default: all)' },
  options: {
    ...environmentOption,
    ...buildOptions,
    push: flag('--push', 'push the images to their registry'),
    tag: value('--tag <tag>', 'use this tag (default: the git commit)'),
  },
  examples: ['oneclick build', 'oneclick build web --push', 'oneclick build --tag v2 --platform linux/arm64'],
});

export type BuildFlags = FlagsOf<typeof build>;
