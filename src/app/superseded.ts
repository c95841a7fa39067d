import { containersOf } from '../domain/container.js';
import type { Facts } from '../domain/facts.js';
import { label } from '../domain/labels.js';
import { hostLines } from '../domain/log.js';
import type { Activation } from '../domain/release.js';
import { Rollout } from '../domain/rollout.js';
import type { Plan, Step } from '../run/plan.js';
import { stepsOf } from '../run/walk.js';

/** The activations of each service by other runs since this run, newest last; without the services that have none. */
export type LaterActivations = ReadonlyMap<string, readonly Activation[]>;

/** Returns the activations of the plan's services since its run. Compares orders, or times if the run chose no release. */
export function laterActivations(
  facts: Facts,
  { run, steps, services }: Plan,
  receipts: ReadonlyMap<string, unknown>,
): LaterActivations {
  const rollouts = new Map(
    stepsOf(steps).flatMap(({ id, service = '' }) => {
      const rollout = Rollout.safeParse(receipts.get(id));
      return rollout.success ? [[service, rollout.data] as const] : [];
    }),
  );
  const later = services.map(({ name }) => {
    const rollout = rollouts.get(name);
    const lines = Object.values(facts.hosts).flatMap((host) => hostLines(host, name));
    const isLater = (line: Activation) =>
      rollout === undefined
        ? line.at > run.started
        : line.order >= rollout.order + (rollout.kind === 'same' ? 1 : 0);
    const found = lines.filter((line) => line.run !== run.id && isLater(line));
    return [name, found.toSorted((a, b) => a.order - b.order)] as const;
  });
  return new Map(later.filter(([, lines]) => lines.length > 0));
}

/** Whether the release log of any host shows that the run is committed. */
export function isActivated({ hosts }: Facts, run: string): boolean {
  return Object.values(hosts).some(({ log }) =>
    Object.values(log).some((lines) => lines.some((line) => line.run === run)),
  );
}

/** Returns the activation that makes it wrong to undo a step: on its host, or of any service for a step without one. */
export function supersedes(
  later: LaterActivations,
  facts: Facts,
  { run }: Plan,
  { service, host }: Step,
): Activation | undefined {
  if (service === undefined) return [...later.values()].flat().at(-1);
  const lines = later.get(service) ?? [];
  if (host === undefined) return lines.at(-1);
  const known = facts.hosts[host];
  if (known === undefined) return undefined;
  const logged = new Set((known.log[service] ?? []).map((line) => line.run));
  const created = new Set(containersOf(known, run, service).map(({ labels }) => labels[label.run]));
  return lines.findLast((line) => logged.has(line.run) || created.has(line.run));
}

/** `run 3f2a by ada has since released api:v3`. */
export function describeLater({ run, who, release }: Activation): string {
  return `run ${run} by ${who} has since released ${release.reference}`;
}
