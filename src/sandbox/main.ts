/**
 * The sandbox: a private little cloud on this machine. A program of its own, so that the product knows nothing
 * of it but its answers: JSON lines on stdout, of type `progress`, `result` or `failure`.
 *
 *     main.js up [--machines N] [--profile fast|realistic] [--seed TEXT] [--name NAME]
 *     main.js down | status [--name NAME]
 *     main.js fault [FAULT] [--times N|always] [--on ACTION] [--clear] [--name NAME]
 */
import { parseArgs } from 'node:util';
import { FaultRequest } from './aws/faults/behaviour.js';
import { clock } from './clock.js';
import type { Context } from './context.js';
import { connect, dockerFailure } from './docker.js';
import { SandboxFailure } from './failure.js';
import { down, fault, status, up } from './sandbox.js';

interface Call {
  readonly command: 'up' | 'down' | 'status' | 'fault';
  readonly name: string;
  readonly machines: number | undefined;
  /** How the endpoint shall behave. */
  readonly request: FaultRequest;
}

async function main(): Promise<void> {
  const interruption = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (interruption.signal.aborted) process.exit(130);
      interruption.abort(
        new SandboxFailure('sandbox.interrupted', 'interrupted; what was started is still there', {
          hint: '`oneclick sandbox up` goes on, `oneclick sandbox down` removes it',
          exitCode: 130,
        }),
      );
    });
  }
  try {
    const call = parse(process.argv.slice(2));
    const context: Context = {
      docker: await connect(),
      progress: (text) => say({ type: 'progress', text }),
      signal: interruption.signal,
      clock,
      env: process.env,
    };
    say({ type: 'result', ...(await run(context, call)) });
  } catch (error) {
    fail(interruption.signal.aborted ? interruption.signal.reason : dockerFailure(error));
  }
}

async function run(context: Context, { command, name, machines, request: wish }: Call): Promise<object> {
  if (command === 'up') return up(context, name, machines, wish);
  if (command === 'fault') return fault(context, name, wish);
  if (command === 'down') await down(context, name);
  return status(context, name);
}

/** @throws SandboxFailure `usage` */
function parse(argv: readonly string[]): Call {
  const usage = (message: string) =>
    new SandboxFailure('usage', message, {
      hint: 'up [--machines N] [--profile NAME] | down | status | fault [FAULT], [--name NAME]',
      exitCode: 2,
    });
  try {
    const { values, positionals } = parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        ...{ machines: { type: 'string' }, name: { type: 'string', default: 'default' } },
        ...{ profile: { type: 'string' }, seed: { type: 'string' } },
        ...{ times: { type: 'string' }, on: { type: 'string' }, clear: { type: 'boolean' } },
      },
    });
    const [command, struck, ...rest] = positionals;
    const named = command === 'fault' ? struck : undefined;
    if (rest.length > 0 || named !== struck || !isCommand(command)) {
      throw usage('one command is needed: up, down, status or fault');
    }
    // It becomes part of names in Docker and of a folder that `down` removes.
    if (!/^[a-z0-9][a-z0-9-]{0,30}$/.test(values.name)) {
      throw usage('a name is made of small letters, digits and -');
    }
    if (values.machines !== undefined && !/^\d+$/.test(values.machines))
      throw usage('--machines takes a number');
    const machines = values.machines === undefined ? undefined : Number(values.machines);
    return { command, name: values.name, machines, request: wishOf(values, named) };
  } catch (error) {
    throw error instanceof SandboxFailure
      ? error
      : usage(error instanceof Error ? error.message : String(error));
  }
}

function isCommand(word: string | undefined): word is Call['command'] {
  return word === 'up' || word === 'down' || word === 'status' || word === 'fault';
}

/** @throws SandboxFailure `usage` */
function wishOf(said: Readonly<Record<string, string | boolean | undefined>>, fault?: string): FaultRequest {
  const { profile, seed, on } = said;
  const wish = FaultRequest.safeParse({
    profile,
    seed,
    ...(said.clear === true ? { clear: fault ?? true } : {}),
    ...(fault === undefined || said.clear === true
      ? {}
      : { fault: { name: fault, times: timesOf(said.times), on } }),
  });
  if (wish.success) return wish.data;
  const [issue] = wish.error.issues;
  throw new SandboxFailure('usage', `--${issue?.path.at(-1)?.toString()}: ${issue?.message}`, {
    exitCode: 2,
  });
}

function timesOf(said: string | boolean | undefined): unknown {
  if (said === undefined) return 1;
  return said === 'always' ? said : Number(said);
}

function fail(error: unknown): void {
  const known = error instanceof SandboxFailure;
  const message = error instanceof Error ? error.message : String(error);
  const failure = known
    ? { code: error.code, message, hint: error.hint, exitCode: error.exitCode }
    : { code: 'bug', message, exitCode: 1 };
  if (!known && error instanceof Error) process.stderr.write(`${error.stack}\n`);
  say({ type: 'failure', ...failure });
  process.exitCode = failure.exitCode;
}

function say(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

await main();
