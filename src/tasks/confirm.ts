import { z } from 'zod';
import { groupOf } from '../domain/balancing.js';
import { confirmationsOf } from '../domain/confirmation.js';
import { Failure } from '../domain/failure.js';
import { given } from '../domain/given.js';
import { onHost } from '../domain/plain-command.js';
import { commandLine } from '../domain/shell.js';
import type { TaskContext } from '../domain/task.js';
import type { ProbeAnswer } from '../host/host.js';
import { type Ports, serviceOf, task } from './task.js';

const Request = z.strictObject({
  address: z.string(),
  port: z.int(),
  scheme: z.enum(['http', 'https']).optional(),
  /** The address by default. */
  host: z.string().optional(),
  path: z.string(),
  headers: z.record(z.string(), z.string()).optional(),
  serverName: z.string().optional(),
  isGuess: z.literal(true).optional(),
});
type Request = z.infer<typeof Request>;

const Intent = z.strictObject({
  name: z.string(),
  /** Absent if the requests are sent from this machine. */
  host: z.string().optional(),
  requests: z.array(Request),
});

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
    const { confirm = {} } = service;
    const { group, targets } = groupOf(facts, service);
    if (confirm.off) return { kind: 'done', because: 'confirm is off', receipt: {} };
    if (!targets.some(({ state }) => state === 'healthy'))
      return { kind: 'done', because: `no healthy target in ${group.name}`, receipt: {} };
    const usualPath = service.health.path ?? group.settings.healthCheck.path ?? '/';
    const found = confirmationsOf(group, { host: confirm.host, path: confirm.path, usualPath });
    if ('reason' in found) {
      const because = `nothing can be confirmed: ${found.reason}`;
      return { kind: 'done', because, receipt: {}, cautions: [`${service.name}: ${because}`] };
    }
    const [first] = service.instances;
    if (first === undefined) return { kind: 'done', because: 'no instance', receipt: {} };
    const host = confirm.from === 'here' ? {} : { host: first.host };
    // Plain requests are written as in the version before, which may resume the run.
    const requests = found.requests.map(({ scheme, ...request }) =>
      scheme === 'https' ? { ...request, scheme } : request,
    );
    return {
      kind: 'todo',
      changes: requests.map((request) => ({ ...host, text: textOf(request) })),
      intent: { name: group.name, ...host, requests },
      expect: {},
      predict: (later) => later,
    };
  },
  explain: ({ host, requests }) =>
    requests.map((request) => {
      const why = 'check that the load balancer answers';
      const line = curlOf(request);
      return host === undefined ? { why, line, secrets: [] } : onHost(host, why, line);
    }),
  async apply(context, { host, requests }) {
    await Promise.all(requests.map((request) => waitUntilAnswered(context, host, request)));
    return {};
  },
  undo: 'nothing',
});

/** The host and port that a client names, without the default port. */
function authorityOf({ address, port, host = address, scheme }: Request): string {
  return port === (scheme === 'https' ? 443 : 80) ? host : `${host}:${port}`;
}

const urlOf = (request: Request) => `${request.scheme ?? 'http'}://${authorityOf(request)}${request.path}`;

function textOf(request: Request): string {
  const { address, host, headers = {}, isGuess } = request;
  const extra = [
    ...(host === undefined ? [] : [`at ${address}`]),
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    ...(isGuess ? ['any response below 500'] : []),
  ];
  return `GET ${urlOf(request)}${extra.length === 0 ? '' : ` (${extra.join('; ')})`}`;
}

function curlOf(request: Request): string {
  const { address, port, scheme, host, headers = {}, serverName, isGuess } = request;
  return commandLine([
    ...['curl', ...(isGuess ? [] : ['--fail']), '--silent'],
    ...(scheme === 'https' && serverName === undefined ? ['--insecure'] : []),
    ...(host === undefined ? [] : ['--connect-to', `::${address}:${port}`]),
    ...Object.entries(headers).flatMap(([name, value]) => ['--header', `${name}: ${value}`]),
    urlOf(request),
  ]);
}

async function waitUntilAnswered(
  context: TaskContext<Ports>,
  host: string | undefined,
  request: Request,
): Promise<void> {
  const { clock, signal, progress, warn } = context;
  const deadline = clock.monotonic() + confirmTimeout;
  for (;;) {
    const answer = await send(context, host, request).catch((error: unknown) => {
      if (error instanceof Failure && error.kind === 'unhealthy') return error.message;
      throw error;
    });
    const problem = typeof answer === 'string' ? answer : problemOf(answer, request);
    if (problem === undefined) {
      const { certificateProblem = undefined } = typeof answer === 'string' ? {} : answer;
      if (certificateProblem !== undefined) warn(`${urlOf(request)}: ${certificateProblem}`);
      return;
    }
    if (clock.monotonic() >= deadline) {
      const message = `${urlOf(request)} failed through the load balancer: ${problem}`;
      throw new Failure('unhealthy', 'target.unconfirmed', message, {
        ...(host === undefined ? {} : { host }),
        hint: 'run: oneclick lb status; if the request is wrong, set confirm: { host, path } of the service',
      });
    }
    progress(`${urlOf(request)}: ${problem}`);
    await clock.sleep(retryInterval, signal);
  }
}

function send({ ports, signal }: TaskContext<Ports>, host: string | undefined, request: Request) {
  const { address, port, path, scheme, headers, serverName } = request;
  const optional = given({ scheme, headers, serverName });
  const probe = { address, port, path, host: authorityOf(request), timeout: requestTimeout, ...optional };
  return host === undefined ? ports.probe(probe, signal) : ports.host(host).probe(probe, signal);
}

/** The application may not know a path or host that only matches a rule, but then it answers all the same. */
function problemOf({ status }: ProbeAnswer, { isGuess }: Request): string | undefined {
  return status >= 200 && status < (isGuess ? 500 : 400) ? undefined : `HTTP ${status}`;
}
