import { z } from 'zod';
import { groupOf, withGroup } from '../domain/balancing.js';
import { given } from '../domain/given.js';
import { recommended } from '../domain/group-advice.js';
import type { CloudCommand } from '../domain/plain-command.js';
import type { TargetGroupSettings } from '../domain/target-group.js';
import { serviceOf, task } from './task.js';

/** Times in ms. */
const Tuning = z.strictObject({
  interval: z.number().optional(),
  timeout: z.number().optional(),
  healthyThreshold: z.int().optional(),
  unhealthyThreshold: z.int().optional(),
  deregistrationDelay: z.number().optional(),
});
type Tuning = z.infer<typeof Tuning>;

type TuningValues = { readonly [Key in keyof Tuning]?: number };

const Intent = z.strictObject({ group: z.string(), before: Tuning, after: Tuning });

/** Replaces target group settings that slow down deploys. */
export const targetGroupTune = task({
  name: 'target-group.tune',
  version: 1,
  scope: 'service',
  needs: ['cloud'],
  summary: 'Tunes health checks and deregistration delay of the target group for faster deploys.',
  input: z.strictObject({}),
  intent: Intent,
  receipt: z.strictObject({}),
  title: (_, subject) => `tune the target group of ${serviceOf(subject).name}`,
  check(facts, _, subject) {
    const { group } = groupOf(facts, serviceOf(subject));
    const after = recommended(group.settings);
    const before = pick(after, tuningOf(group.settings));
    const changes = changesOf(before, after);
    if (changes.length === 0) return { kind: 'done', because: `${group.name} is already tuned`, receipt: {} };
    return {
      kind: 'todo',
      changes: changes.map((text) => ({ text: `${group.name}: ${text}` })),
      intent: { group: group.arn, before, after },
      expect: {},
      predict: withGroup(serviceOf(subject).targetGroup, (known) => ({
        ...known,
        group: { ...known.group, settings: withTuning(known.group.settings, after) },
      })),
    };
  },
  explain: ({ group, after }) => tuneCommands(group, after),
  async apply({ ports }, { group, after }) {
    await ports.cloud().tune(group, given(after));
    return {};
  },
  async undo({ ports }, { group, before }) {
    await ports.cloud().tune(group, given(before));
  },
});

function tuningOf({ healthCheck, deregistrationDelay }: TargetGroupSettings): Required<TuningValues> {
  const { interval, timeout, healthyThreshold, unhealthyThreshold } = healthCheck;
  return { interval, timeout, healthyThreshold, unhealthyThreshold, deregistrationDelay };
}

function withTuning(settings: TargetGroupSettings, after: Tuning): TargetGroupSettings {
  const { deregistrationDelay, ...healthCheck } = { ...tuningOf(settings), ...given(after) };
  return { ...settings, deregistrationDelay, healthCheck: { ...settings.healthCheck, ...healthCheck } };
}

function pick(tuning: Tuning, all: Required<Tuning>): Tuning {
  return Object.fromEntries(Object.entries(all).filter(([key]) => Object.hasOwn(tuning, key)));
}

const settingNames: Readonly<Record<keyof Tuning, string>> = {
  interval: 'health check interval',
  timeout: 'health check timeout',
  healthyThreshold: 'healthy threshold',
  unhealthyThreshold: 'unhealthy threshold',
  deregistrationDelay: 'deregistration delay',
};

function changesOf(before: Tuning, after: Tuning): readonly string[] {
  const isCount = (key: keyof Tuning) => key === 'healthyThreshold' || key === 'unhealthyThreshold';
  const text = (key: keyof Tuning, value = 0) => (isCount(key) ? `${value}` : `${value / 1000} s`);
  return (Object.keys(settingNames) as (keyof Tuning)[]).flatMap((key) =>
    after[key] === undefined
      ? []
      : [`${settingNames[key]}: ${text(key, before[key])} -> ${text(key, after[key])}`],
  );
}

function tuneCommands(group: string, after: Tuning): readonly CloudCommand[] {
  const { deregistrationDelay, ...checks } = given(after);
  const tune = (why: string, tuning: TuningValues) =>
    Object.keys(tuning).length === 0 ? [] : [{ why, call: { kind: 'tune', group, tuning } as const }];
  return [
    ...tune('detect healthy and unhealthy targets sooner', checks),
    ...tune('drain targets faster', given({ deregistrationDelay })),
  ];
}
