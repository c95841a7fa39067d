import { defineCommand, type FlagsOf, list, value } from '../../define-command.js';
import { changeOptions, deployBuildOptions } from '../../options.js';

export const plan = defineCommand({
  name: 'plan',
  summary: 'show the changes a deploy would make',
  arguments: { '[service...]': 'services to plan for (default: all)' },
  options: {
    ...changeOptions,
    recipe: { ...value('--recipe <name>', 'plan this recipe (default: deploy)'), default: 'deploy' },
    image: list('--image <ref>', 'plan with this image: REF or SERVICE=REF (repeatable)'),
    tag: value('--tag <tag>', 'plan with this tag'),
    ...deployBuildOptions,
    set: list('--set <name=value>', 'set a parameter of the recipe (repeatable)'),
  },
  examples: ['oneclick plan', 'oneclick plan --build', 'oneclick plan --recipe rollback'],
});

export type PlanFlags = FlagsOf<typeof plan>;
