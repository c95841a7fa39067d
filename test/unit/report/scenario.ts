import type { FailureRecord } from '../../../src/domain/failure.js';
import type { Service } from '../../../src/domain/service.js';
import type { Outcome, RunEvent } from '../../../src/run/events.js';
import type { Plan, PlanNode, Step } from '../../../src/run/plan.js';

const at = '2026-01-01T00:00:00.000Z';

/** A step of `web` on a host: `web/web-1/image.pull`. */
export const step = (host: string, task: string, service = 'web'): Step => ({
  id: `${service}/${host}/${task}`,
  task,
  version: 1,
  service,
  host,
  instance: host,
  input: {},
});

/** A step of `web` without a host: `web/rollout.resolve`. */
export const decision = (task: string): Step => ({
  id: `web/${task}`,
  task,
  version: 1,
  service: 'web',
  input: {},
});

export const skips = (of: Step, because: string, news?: true): RunEvent => ({
  type: 'step.skipped',
  step: of.id,
  because,
  receipt: {},
  ...(news === undefined ? {} : { news }),
});

const service = (name: string): Service => ({
  name,
  image: { kind: 'fixed', reference: 'api:v2' },
  health: { interval: 1, timeout: 1, deadline: 1, settle: 1 },
  env: {},
  secrets: [],
  volumes: [],
  restart: 'no',
  stop: { timeout: 10_000 },
  swap: 'plain',
  singleton: false,
  needs: [],
  keep: 5,
  docker: {},
  instances: [],
});

const sequence = (steps: readonly Step[]): PlanNode => ({
  kind: 'sequence',
  nodes: steps.map((one) => ({ kind: 'step', step: one })),
});

/** A deploy of `web` to production with these steps. */
export const plan = (steps: readonly Step[], services = ['web']): Plan => ({
  run: { id: '3f2a', recipe: 'deploy', project: 'shop', environment: 'production', who: 'ada', started: at },
  recipeHash: 'h',
  holds: 'hosts',
  onFailure: 'revert',
  params: {},
  services: services.map(service),
  steps: sequence(steps),
  after: sequence([]),
});

export const started = (of: Plan): RunEvent => ({ type: 'run.started', at, plan: of });

export const begins = (of: Step, title: string): RunEvent => ({
  type: 'step.started',
  at,
  step: of.id,
  title,
  changes: [],
  intent: { name: 'web-4' },
});

export const says = (of: Step, text: string, fraction?: number): RunEvent => ({
  type: 'step.progress',
  step: of.id,
  text,
  ...(fraction === undefined ? {} : { fraction }),
});

export const ends = (of: Step, ms: number): RunEvent => ({ type: 'step.done', step: of.id, ms, receipt: {} });

export const fails = (of: Step, ms: number, failure: FailureRecord): RunEvent => ({
  type: 'step.failed',
  step: of.id,
  ms,
  failure,
});

export const unhealthy: FailureRecord = {
  kind: 'unhealthy',
  code: 'health.deadline',
  message: 'web-2 did not become healthy in 30s: /up returned 503',
  hint: 'oneclick logs web --host web-2 --release 4',
  host: 'web-2',
  evidence: ['exited with code 1', 'GET /up: 503 in 12 ms', 'Error: connect ECONNREFUSED 10.0.0.9:5432'],
};

export const outcome = (part: Partial<Outcome> = {}): Outcome => ({
  result: 'done',
  exitCode: 0,
  failures: [],
  left: [],
  never: [],
  cancelled: false,
  committed: true,
  ...part,
});

export const finished = (part: Partial<Outcome> = {}): RunEvent => ({
  type: 'run.ended',
  at,
  ms: 4_200,
  outcome: outcome(part),
});
