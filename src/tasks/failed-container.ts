import { failedName, isFailed, isOurs } from '../domain/container.js';
import type { ContainerFacts } from '../domain/facts.js';
import { label } from '../domain/labels.js';
import { isUp } from '../domain/rollout.js';
import type { Subject } from '../domain/task.js';
import type { Engine } from '../host/host.js';
import { serviceOf } from './task.js';

/** Of one service on one host, so that repeated failures do not fill the disk. */
const maxKept = 5;

/**
 * Stops the container of a candidate and keeps it for its log, under a name that no other run uses. Removes it if it cannot
 * be renamed.
 */
export async function keepFailed(engine: Engine, container: ContainerFacts, subject: Subject): Promise<void> {
  const { id, name, restart } = container;
  const service = serviceOf(subject);
  if (restart !== 'no') await engine.setRestart(id, 'no');
  if (isUp(container)) await engine.stop(id, service.stop.timeout);
  try {
    await engine.rename(id, failedName(name, subject.run.id));
  } catch {
    await engine.remove(id);
  }
  await removeOldest(engine, subject).catch(() => undefined);
}

async function removeOldest(engine: Engine, subject: Subject): Promise<void> {
  const failed = (await engine.containers()).filter(
    (one) =>
      isOurs(one, subject.run) && one.labels[label.service] === serviceOf(subject).name && isFailed(one),
  );
  const newestFirst = failed.toSorted((a, b) => (b.started ?? '').localeCompare(a.started ?? ''));
  await Promise.all(newestFirst.slice(maxKept).map(({ id }) => engine.remove(id)));
}
