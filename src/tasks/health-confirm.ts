import { z } from 'zod';
import { onHost } from '../domain/plain-command.js';
import { commandLine } from '../domain/shell.js';
import { requireNoCrash } from './crash.js';
import { hostName, instanceOf, serviceOf, task } from './task.js';

/** Checks that a new container has not crashed since it was healthy: the last step that can be undone. */
export const healthConfirm = task({
  name: 'health.confirm',
  version: 1,
  scope: 'instance',
  needs: ['hosts'],
  summary: 'Checks that the new container has not crashed since it became healthy.',
  input: z.strictObject({
    /** Absent if the recipe creates none. */
    container: z.string().optional(),
    fresh: z.boolean().default(false),
  }),
  intent: z.strictObject({ container: z.string() }),
  receipt: z.strictObject({}),
  defaults: { container: '{{ container.name }}', fresh: '{{ started.fresh }}' },
  title: (_, subject) => `check that ${serviceOf(subject).name} has not crashed`,
  check(facts, { container, fresh }, subject) {
    if (container === undefined || !fresh)
      return { kind: 'done', because: 'no container was started', receipt: {} };
    const { host } = instanceOf(facts, subject);
    return {
      kind: 'todo',
      changes: [{ host: host.host, text: `check that ${container} has not crashed` }],
      intent: { container },
      expect: {},
      predict: (later) => later,
    };
  },
  explain({ container }, subject) {
    const format = '{{.State.Status}} {{.RestartCount}}';
    const line = `[ "$(${commandLine(['docker', 'inspect', '--format', format, container])})" = 'running 0' ]`;
    return [onHost(hostName(subject), 'check that the container has not crashed', line)];
  },
  async apply({ ports, subject }, { container }) {
    await requireNoCrash(ports.host(hostName(subject)), container);
    return {};
  },
  undo: 'nothing',
});
