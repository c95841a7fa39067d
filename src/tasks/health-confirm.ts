import { z } from 'zod';
import { atHostPort } from '../domain/container.js';
import { onHost } from '../domain/plain-command.js';
import { ContainerSpec } from '../domain/release.js';
import { Rollout } from '../domain/rollout.js';
import { commandLine } from '../domain/shell.js';
import { requireNoCrash } from './crash.js';
import { isHealthyNow, waitUntilHealthy } from './health.js';
import { hostName, serviceOf, task } from './task.js';

/** Checks new containers once more, with their restart policy set: the last step that can be undone. */
export const healthConfirm = task({
  name: 'health.confirm',
  version: 1,
  scope: 'instance',
  needs: ['hosts'],
  summary: 'Checks once more that the new container is healthy, and has not crashed since it was.',
  input: z.strictObject({
    /** Absent if the recipe creates none. */
    container: z.string().optional(),
    port: z.int().optional(),
    rollout: Rollout,
    fresh: z.boolean().default(false),
  }),
  intent: z.strictObject({ container: z.string(), spec: ContainerSpec }),
  receipt: z.strictObject({}),
  defaults: {
    container: '{{ container.name }}',
    port: '{{ container.port }}',
    rollout: '{{ rollout }}',
    fresh: '{{ started.fresh }}',
  },
  title: (_, subject) => `check that ${serviceOf(subject).name} is still healthy`,
  check(_, { container, port, rollout, fresh }) {
    if (container === undefined || !fresh)
      return { kind: 'done', because: 'no container was started', receipt: {} };
    return {
      kind: 'todo',
      // Nothing changes, so plans do not count it.
      changes: [],
      intent: { container, spec: atHostPort(rollout.release.spec, port) },
      expect: {},
      predict: (later) => later,
    };
  },
  explain({ container }, subject) {
    const format = '{{.State.Status}} {{.RestartCount}}';
    const inspect = commandLine(['docker', 'inspect', '--format', format, container]);
    const line = `[ "$(${inspect})" = 'running 0' ]`;
    return [onHost(hostName(subject), 'check that the container has not crashed', line)];
  },
  async apply(context, { container, spec }) {
    const host = context.ports.host(hostName(context.subject));
    // A dead process refuses connections before the engine reports its end.
    const [isHealthy] = await Promise.all([
      isHealthyNow(host, container, spec, context).catch(() => false),
      requireNoCrash(host, container),
    ]);
    if (isHealthy) return {};
    await waitUntilHealthy(host, container, spec, context).catch(async (error: unknown) => {
      await requireNoCrash(host, container);
      throw error;
    });
    await requireNoCrash(host, container);
    return {};
  },
  undo: 'nothing',
});
