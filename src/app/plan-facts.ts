import type { Facts } from '../domain/facts.js';
import { Blocked, Failure } from '../domain/failure.js';
import { MissingSecrets, mergeMissingSecrets, unreadSecrets } from '../domain/missing-secrets.js';
import type { Plan } from '../run/plan.js';
import { preview } from '../run/preview.js';
import { tasks } from '../tasks/registry.js';
import type { ConnectedEnvironment } from './connect.js';

/**
 * Reads the facts for a plan. Looks up secrets that the plan turns out to need, because their commands may prompt. `receipts` are
 * those of finished steps. Throws {@link Blocked} if hosts cannot be read.
 */
export async function readFactsFor(
  connected: ConnectedEnvironment,
  plan: Plan,
  receipts: ReadonlyMap<string, unknown> = new Map(),
): Promise<Facts> {
  for (;;) {
    const facts = await connected.facts();
    const needed = problemsOf(plan, facts, receipts).flatMap(({ missing }) => missing);
    const names = unreadSecrets(
      facts,
      needed.map(({ name }) => name),
    );
    if (names.length === 0) return facts;
    await connected.readSecrets(names);
  }
}

/** Throws {@link Blocked} if a container that the plan creates needs a secret without a value. */
export function requireSecrets(plan: Plan, facts: Facts, receipts: ReadonlyMap<string, unknown>): void {
  const problems = problemsOf(plan, facts, receipts);
  if (problems.length > 0) throw new Blocked(mergeMissingSecrets(problems));
}

function problemsOf(plan: Plan, facts: Facts, receipts: ReadonlyMap<string, unknown>) {
  try {
    const { problems } = preview(plan, facts, tasks, receipts);
    return problems.filter((problem) => problem instanceof MissingSecrets);
  } catch (error) {
    // The run reports it.
    if (error instanceof Failure) return [];
    throw error;
  }
}
