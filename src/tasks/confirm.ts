import { z } from 'zod';
import { groupOf } from '../domain/balancing.js';
import { Failure } from '../domain/failure.js';
import { onHost } from '../domain/plain-command.js';
import { commandLine } from '../domain/shell.js';
import type { TaskContext } from '../domain/task.js';
import { type Ports, serviceOf, task } from './task.js';

const Request = z.strictObject({ address: z.string(), port: z.int(), path: z.string() });
const Intent = z.strictObject({ name: z.string(), host: z.string(), requests: z.array(Request) });

/** ms */
const confirmTimeout = 30_000;
const retryInterval = 1000;
const requestTimeout = 5000;

/** Sends requests through the load balancers, as a user would. */
export const targetConfirm = task({
  name: 'target.confirm',
  version: 1,
  scope: 'service',
  needs: ['hosts', 'cloud'],
  summary: 'Sends a request through each load balancer, from the first host, and expects 2xx or 3xx.',
  input: z.strictObject({}),
  intent: Intent,
  receipt: z.strictObject({}),
  title: (_, subject) => `check ${serviceOf(subject).name} through the load balancer`,
  check(facts, _, subject) {
    const service = serviceOf(subject);
    const { group, targets } = groupOf(facts, service);
    if (!targets.some(({ state }) => state === 'healthy'))
      return { kind: 'done', because: `no healthy target in ${group.name}`, receipt: {} };
    const path = service.health.path ?? group.settings.healthCheck.path ?? '/';
    const requests = group.balancers.flatMap(({ address, listeners }) =>
      listeners.filter(({ protocol }) => protocol === 'HTTP').map(({ port }) => ({ address, port, path })),
    );
    const [first] = service.instances;
    if (requests.length === 0 || first === undefined)
      return { kind: 'done', because: 'no HTTP listener', receipt: {} };
    return {
      kind: 'todo',
      changes: requests.map((request) => ({ host: first.host, text: `GET ${urlOf(request)}` })),
      intent: { name: group.name, host: first.host, requests },
      expect: {},
      predict: (later) => later,
    };
  },
  explain: ({ host, requests }) =>
    requests.map((request) =>
      onHost(
        host,
        'check that the load balancer answers',
        commandLine(['curl', '--fail', '--silent', urlOf(request)]),
      ),
    ),
  async apply(context, { host, requests }) {
    await Promise.all(requests.map((request) => waitUntilAnswered(context, host, request)));
    return {};
  },
  undo: 'nothing',
});

const urlOf = ({ address, port, path }: z.infer<typeof Request>) =>
  `http://${address}${port === 80 ? '' : `:${port}`}${path}`;

async function waitUntilAnswered(
  { ports, clock, signal, progress }: TaskContext<Ports>,
  name: string,
  request: z.infer<typeof Request>,
): Promise<void> {
  const host = ports.host(name);
  const deadline = clock.monotonic() + confirmTimeout;
  for (;;) {
    const problem = await host
      .probe({ ...request, timeout: requestTimeout }, signal)
      .then(({ status }) => (status >= 200 && status < 400 ? undefined : `HTTP ${status}`))
      .catch((error: unknown) => {
        if (error instanceof Failure && error.kind === 'unhealthy') return error.message;
        throw error;
      });
    if (problem === undefined) return;
    if (clock.monotonic() >= deadline) {
      const message = `${urlOf(request)} failed through the load balancer: ${problem}`;
      throw new Failure('unhealthy', 'target.unconfirmed', message, {
        ...{ host: name, hint: 'run: oneclick lb status' },
      });
    }
    progress(`${urlOf(request)}: ${problem}`);
    await clock.sleep(retryInterval, signal);
  }
}
