import { z } from 'zod';
import type { FailedLog, FailureKind, FailureRecord } from '../domain/failure.js';
import { Service } from '../domain/service.js';
import type { Change, RunInfo } from '../domain/task.js';
import { keepUnknown } from '../domain/unknown-keys.js';
import type { Outcome, RunEvent } from './events.js';
import type { Branch, Plan, PlanNode, Step } from './plan.js';

/** Schemas that validate everything read from a journal. */

const kinds = [
  'failed',
  'usage',
  'lease',
  'access',
  'unreachable',
  'unhealthy',
  'changed',
  'interrupted',
] as const;
const text = z.string();
const maybe = text.exactOptional();
const at = text;
const ms = z.number();

const Failed: z.ZodType<FailureRecord> = z.object({
  kind: z.enum(kinds satisfies readonly FailureKind[]),
  code: text,
  message: text,
  hint: maybe,
  host: maybe,
  evidence: z.array(text),
});

const Log: z.ZodType<FailedLog> = z.object({ host: text, container: text, output: text });

const Info: z.ZodType<RunInfo> = z.object({
  id: text,
  recipe: text,
  project: text,
  environment: text,
  who: text,
  commit: maybe,
  started: text,
});

const StepRecord: z.ZodType<Step> = z.object({
  id: text,
  task: text,
  version: z.number(),
  service: maybe,
  instance: maybe,
  host: maybe,
  input: z.unknown(),
});

const Node: z.ZodType<PlanNode> = z.lazy(() =>
  z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('step'), step: StepRecord }),
    z.object({ kind: z.literal('sequence'), nodes: z.array(Node) }),
    z.object({ kind: z.literal('graph'), branches: z.array(BranchRecord) }),
  ]),
);

const BranchRecord: z.ZodType<Branch> = z.object({ id: text, after: z.array(text), node: Node });

const policy = z.enum(['revert', 'stop']);

/** A plan in a journal. */
export const PlanRecord: z.ZodType<Plan> = z.object({
  run: Info,
  recipeHash: text,
  holds: z
    .literal('hosts')
    .optional()
    .transform((holds) => holds),
  onFailure: policy,
  params: z.record(text, z.unknown()),
  services: z.array(keepUnknown(Service)),
  steps: Node,
  after: Node,
});

const ChangeRecord: z.ZodType<Change> = z.object({ host: maybe, text });

const Ended: z.ZodType<Outcome> = z.object({
  result: z.enum(['done', 'unchanged', 'reverted', 'stopped', 'incomplete']),
  exitCode: z.int(),
  failures: z.array(Failed),
  left: z.array(Failed),
  never: z.array(z.object({ step: text, reason: text })),
  cancelled: z.boolean(),
  committed: z.boolean(),
});

const yes = z.literal(true).exactOptional();
const step = text;
const type = <T extends RunEvent['type']>(name: T) => z.literal(name);

/** An event in a journal. Ignores unknown keys, for newer versions. */
export const EventRecord: z.ZodType<RunEvent> = z.discriminatedUnion('type', [
  z.object({ type: type('run.started'), at, plan: PlanRecord, redacted: yes }),
  z.object({ type: type('run.resumed'), at, direction: z.enum(['forward', 'revert']), requested: yes }),
  z.object({
    type: type('step.skipped'),
    step,
    because: text,
    receipt: z.unknown(),
    redacted: yes,
    news: yes,
    commits: yes,
  }),
  z.object({
    type: type('step.started'),
    at,
    step,
    title: text,
    changes: z.array(ChangeRecord),
    intent: z.unknown(),
    redacted: yes,
    commits: yes,
  }),
  z.object({
    type: type('step.done'),
    step,
    ms,
    receipt: z.unknown(),
    redacted: yes,
    onLaterFailure: policy.exactOptional(),
  }),
  z.object({ type: type('step.failed'), step, ms, failure: Failed, log: Log.exactOptional() }),
  z.object({ type: type('run.warning'), step: maybe, text }),
  z.object({ type: type('run.committed'), at }),
  z.object({ type: type('run.cancelled'), at, by: text, policy }),
  z.object({ type: type('undo.started'), step, title: text }),
  z.object({ type: type('undo.done'), step, ms, receipt: z.unknown().exactOptional() }),
  z.object({ type: type('undo.failed'), step, ms, failure: Failed }),
  z.object({ type: type('undo.never'), step, reason: text, title: maybe }),
  z.object({ type: type('run.ended'), at, ms, outcome: Ended }),
]);
