import { z } from 'zod';
import { groupOf, withGroup } from '../domain/balancing.js';
import { given } from '../domain/given.js';
import { recommended } from '../domain/group-advice.js';
import type { CloudCommand } from '../domain/plain-command.js';
import type { TargetGroupSettings } from '../domain/target-group.js';
import { serviceOf, task } from './task.js';

/** ms, but for the thresholds. */
const Tuning = z.strictObject({
  interval: z.number().optional(),
  timeout: z.number().optional(),
  healthyThreshold: z.int().optional(),
  unhealthyThreshold: z.int().optional(),
  deregistrationDelay: z.number().optional(),
});
type Tuning = z.infer<typeof Tuning>;

type Told = { readonly [Key in keyof Tuning]?: number };

const Intent = z.strictObject({ group: z.string(), before: Tuning, after: Tuning });

/** Sets what makes deploys behind a load balancer slow to values that let them be fast. */
export const targetGroupTune = task({
  name: 'target-group.tune',
  version: 1,
  scope: 'service',
  needs: ['cloud'],
  summary:
    'Sets health checks and deregistration delay of the target group so that a deploy need not wait long.',
  input: z.strictObject({}),
  intent: Intent,
  receipt: z.strictObject({}),
  title: (_, subject) => `tune the target group of ${serviceOf(subject).name}`,
  check(facts, _, subject) {
    const { group } = groupOf(facts, serviceOf(subject));
    const after = recommended(group.settings);
    const before = only(after, tuningOf(group.settings));
    const changes = changesOf(before, after);
    if (changes.length === 0) return { kind: 'done', because: `${group.name} is tuned`, receipt: {} };
    return {
      kind: 'todo',
      changes: changes.map((text) => ({ text: `${group.name}: ${text}` })),
      intent: { group: group.arn, before, after },
      expect: {},
      predict: withGroup(serviceOf(subject).targetGroup, (known) => ({
        ...known,
        group: { ...known.group, settings: tuned(known.group.settings, after) },
      })),
    };
  },
  explain: ({ group, after }) => byHand(group, after),
  async apply({ ports }, { group, after }) {
    await ports.cloud().tune(group, given(after));
    return {};
  },
  async undo({ ports }, { group, before }) {
    await ports.cloud().tune(group, given(before));
  },
});

function tuningOf({ healthCheck, deregistrationDelay }: TargetGroupSettings): Required<Told> {
  const { interval, timeout, healthyThreshold, unhealthyThreshold } = healthCheck;
  return { interval, timeout, healthyThreshold, unhealthyThreshold, deregistrationDelay };
}

function tuned(settings: TargetGroupSettings, after: Tuning): TargetGroupSettings {
  const { deregistrationDelay, ...healthCheck } = { ...tuningOf(settings), ...given(after) };
  return { ...settings, deregistrationDelay, healthCheck: { ...settings.healthCheck, ...healthCheck } };
}

/** Of `all` what `tuning` says something of. */
function only(tuning: Tuning, all: Required<Tuning>): Tuning {
  return Object.fromEntries(Object.entries(all).filter(([key]) => Object.hasOwn(tuning, key)));
}

const names: Readonly<Record<keyof Tuning, string>> = {
  interval: 'interval of the health check',
  timeout: 'timeout of the health check',
  healthyThreshold: 'checks until healthy',
  unhealthyThreshold: 'checks until unhealthy',
  deregistrationDelay: 'deregistration delay',
};

function changesOf(before: Tuning, after: Tuning): readonly string[] {
  const isCount = (key: keyof Tuning) => key === 'healthyThreshold' || key === 'unhealthyThreshold';
  const text = (key: keyof Tuning, value = 0) => (isCount(key) ? `${value}` : `${value / 1000} s`);
  return (Object.keys(names) as (keyof Tuning)[]).flatMap((key) =>
    after[key] === undefined ? [] : [`${names[key]}: ${text(key, before[key])} -> ${text(key, after[key])}`],
  );
}

function byHand(group: string, after: Tuning): readonly CloudCommand[] {
  const { deregistrationDelay, ...checks } = given(after);
  const tune = (why: string, tuning: Told) =>
    Object.keys(tuning).length === 0 ? [] : [{ why, call: { kind: 'tune', group, tuning } as const }];
  return [
    ...tune('sooner healthy, sooner known to be ill', checks),
    ...tune('what leaves is not waited for so long', given({ deregistrationDelay })),
  ];
}
