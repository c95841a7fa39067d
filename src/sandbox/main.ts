/**
 * The sandbox: a private cloud on this machine. A separate program; the CLI knows only its output, JSON lines of type
 * `progress`, `result` or `failure`.
 *
 *     main.js up [--machines N] [--profile fast|realistic] [--seed TEXT] [--name NAME]
 *     main.js down | status [--name NAME]
 *     main.js fault [FAULT] [--times N|always] [--on ACTION] [--clear] [--name NAME]
 */
import { parseArgs } from 'node:util';
import { FaultRequest } from './aws/faults/behavior.js';
import { clock } from './clock.js';
import type { Context } from './context.js';
import { connect, dockerFailure } from './docker.js';
import { SandboxFailure } from './failure.js';
import { down, fault, status, up } from './sandbox.js';

interface Call {
  readonly command: 'up' | 'down' | 'status' | 'fault';
  readonly name: string;
  readonly machines: number | undefined;
  readonly request: FaultRequest;
}

async function main(): Promise<void> {
  const interruption = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (interruption.signal.aborted) process.exit(130);
      interruption.abort(
        new SandboxFailure('sandbox.interrupted', 'interrupted; created machines are kept', {
          hint: 'resume: oneclick sandbox up, or remove: oneclick sandbox down',
          exitCode: 130,
        }),
      );
    });
  }
  try {
    const call = parse(process.argv.slice(2));
    const context: Context = {
      docker: await connect(),
      progress: (text) => print({ type: 'progress', text }),
      signal: interruption.signal,
      clock,
      env: process.env,
    };
    print({ type: 'result', ...(await run(context, call)) });
  } catch (error) {
    fail(interruption.signal.aborted ? interruption.signal.reason : dockerFailure(error));
  }
}

async function run(context: Context, { command, name, machines, request }: Call): Promise<object> {
  if (command === 'up') return up(context, name, machines, request);
  if (command === 'fault') return fault(context, name, request);
  if (command === 'down') await down(context, name);
  return status(context, name);
}

/** @throws SandboxFailure `usage` */
function parse(argv: readonly string[]): Call {
  const usage = (message: string) =>
    new SandboxFailure('usage', message, {
      hint: 'usage: up [--machines N] [--profile NAME] | down | status | fault [FAULT], [--name NAME]',
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
    const [command, argument, ...rest] = positionals;
    const faultName = command === 'fault' ? argument : undefined;
    if (rest.length > 0 || faultName !== argument || !isCommand(command)) {
      throw usage('the command must be up, down, status or fault');
    }
    // The name becomes part of a folder that `down` removes.
    if (!/^[a-z0-9][a-z0-9-]{0,30}$/.test(values.name)) {
      throw usage('--name must consist of lowercase letters, digits and -');
    }
    if (values.machines !== undefined && !/^\d+$/.test(values.machines))
      throw usage('--machines must be a number');
    const machines = values.machines === undefined ? undefined : Number(values.machines);
    return { command, name: values.name, machines, request: faultRequest(values, faultName) };
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
function faultRequest(
  flags: Readonly<Record<string, string | boolean | undefined>>,
  fault?: string,
): FaultRequest {
  const { profile, seed, on } = flags;
  const parsed = FaultRequest.safeParse({
    profile,
    seed,
    ...(flags.clear === true ? { clear: fault ?? true } : {}),
    ...(fault === undefined || flags.clear === true
      ? {}
      : { fault: { name: fault, times: parseTimes(flags.times), on } }),
  });
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new SandboxFailure('usage', `--${issue?.path.at(-1)?.toString()}: ${issue?.message}`, {
    exitCode: 2,
  });
}

function parseTimes(text: string | boolean | undefined): unknown {
  if (text === undefined) return 1;
  return text === 'always' ? text : Number(text);
}

function fail(error: unknown): void {
  const expected = error instanceof SandboxFailure;
  const message = error instanceof Error ? error.message : String(error);
  const failure = expected
    ? { code: error.code, message, hint: error.hint, exitCode: error.exitCode }
    : { code: 'bug', message, exitCode: 1 };
  if (!expected && error instanceof Error) process.stderr.write(`${error.stack}\n`);
  print({ type: 'failure', ...failure });
  process.exitCode = failure.exitCode;
}

function print(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

await main();
