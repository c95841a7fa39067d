import { whenAborted, withTimeout } from '../domain/abort.js';
import type { Clock } from '../domain/clock.js';
import { Failure } from '../domain/failure.js';
import type { CallLog } from './call-log.js';
import { ChannelSocket } from './docker/agent.js';
import { DockerEngine } from './docker/engine.js';
import { lossOf } from './failures.js';
import type {
  Command,
  CommandResult,
  ConnectionHandler,
  Engine,
  ForwardedPort,
  Host,
  Probe,
  ProbeAnswer,
  RemoteProcess,
} from './host.js';
import { curlAnswer, curlArguments, isCertificateError, sendProbe } from './http-probe.js';
import type { Channel, CommandChannel } from './ssh/channel.js';
import { collectOutput, remoteProcess } from './ssh/command-channel.js';
import type { Connection } from './ssh/connection.js';
import { forwardPort } from './ssh/forwarded-port.js';
import { isChannelRefusal, openChannel } from './ssh/sessions.js';
import { afterMarker, shellLine } from './ssh/shell.js';

/** Sent by sshd for `AllowTcpForwarding no`. */
const forbidden = 1;
/** Docker's proxy accepts before the container does, so an open port must stay connected. ms */
const grace = 100;
/** Exit codes of curl(1): could not connect, timed out, empty response. */
const curlCodes: Readonly<Record<number, string>> = {
  7: 'probe.refused',
  28: 'probe.timeout',
  52: 'probe.closed',
};

/** A host behind an SSH connection. */
export class SshHost implements Host {
  readonly name: string;
  readonly engine: Engine;
  readonly #connection: Connection;
  readonly #clock: Clock;
  readonly #log: CallLog;

  constructor(connection: Connection, clock: Clock, log: CallLog) {
    this.name = connection.target.name;
    this.#connection = connection;
    this.#clock = clock;
    this.#log = log;
    this.engine = new DockerEngine(this, connection, clock, log);
  }

  get lost(): AbortSignal {
    return this.#connection.lost;
  }

  close(): Promise<void> {
    return this.#connection.close();
  }

  run(command: Command, signal?: AbortSignal): Promise<CommandResult> {
    const what = command.argv.join(' ');
    const onTimeout = () =>
      this.#failed('host.timeout', `${command.argv[0]} timed out after ${command.timeout} ms`);
    const work = (stop: AbortSignal) => this.#execute(command, stop);
    return this.#log.record(
      ...([this.name, 'run', what] as const),
      () => withTimeout(this.#clock, command.timeout, [this.lost, signal], onTimeout, work),
      command.timeout,
    );
  }

  async #execute(command: Command, stop: AbortSignal): Promise<CommandResult> {
    const { line, input } = shellLine(command);
    const [program] = command.argv;
    const output = this.#exec(line, (channel) => {
      const end = () => {
        channel.signal('TERM');
        channel.close();
      };
      whenAborted(stop, end);
      channel.end(input);
      return collectOutput(channel);
    });
    const { exit, stdout, stderr } = await (await output).all;
    const own = afterMarker(stdout);
    if (exit === undefined) throw this.#failed('host.no-status', `${program} exited without a status`);
    if (exit.code === null)
      throw this.#failed('host.signal', `${program} was killed by signal ${exit.signal}`);
    if (own === undefined) throw this.#noShell(`${stdout}\n${stderr}`);
    return { code: exit.code, stdout: own, stderr: afterMarker(stderr) ?? stderr };
  }

  spawn(argv: readonly string[]): Promise<RemoteProcess> {
    return this.#log.record(this.name, 'hold', argv.join(' '), async () => {
      const { line, input } = shellLine({ argv });
      const start = (channel: CommandChannel) => {
        channel.write(input);
        return remoteProcess(channel);
      };
      return this.#exec(line, start, true);
    });
  }

  probe(probe: Probe, signal?: AbortSignal): Promise<ProbeAnswer> {
    const what = `GET ${probe.address ?? '127.0.0.1'}:${probe.port}${probe.path}`;
    const onTimeout = () =>
      this.#unhealthy('probe.timeout', `port ${probe.port} did not respond within ${probe.timeout} ms`);
    return this.#log.record(this.name, 'probe', what, () =>
      withTimeout(this.#clock, probe.timeout, [this.lost, signal], onTimeout, async (stop) => {
        const start = this.#clock.monotonic();
        const socket = await this.#forward(probe.port, probe.address);
        const answer =
          socket === undefined ? await this.#curl(probe, stop) : await this.#request(socket, probe, stop);
        return { ...answer, duration: this.#clock.monotonic() - start };
      }),
    );
  }

  reach(port: number, options: { address?: string; timeout: number }, signal?: AbortSignal): Promise<void> {
    const what = `TCP ${options.address ?? '127.0.0.1'}:${port}`;
    const onTimeout = () =>
      this.#unhealthy(
        'probe.timeout',
        `port ${port} did not accept a connection within ${options.timeout} ms`,
      );
    return this.#log.record(this.name, 'reach', what, () =>
      withTimeout(this.#clock, options.timeout, [this.lost, signal], onTimeout, async (stop) => {
        const socket = await this.#forward(port, options.address);
        if (socket === undefined) return this.#curlOpen(port, options, stop);
        socket.on('error', () => undefined);
        const sentData = new Promise<boolean>((resolve) => socket.once('data', () => resolve(true)));
        const closed = socket.gone.then(() => false);
        const staysOpen = await Promise.race([
          sentData,
          closed,
          this.#clock.sleep(grace, stop).then(() => true),
        ]);
        socket.destroy();
        if (!staysOpen)
          throw this.#unhealthy('probe.refused', `port ${port} accepted a connection and closed it`);
      }),
    );
  }

  forwardPort(port: number, handle: ConnectionHandler): Promise<ForwardedPort> {
    return this.#log.record(this.name, 'forward', `forward 127.0.0.1:${port}`, () =>
      forwardPort(this.#connection, this.#clock, port, handle),
    );
  }

  #exec<T>(line: string, attach: (channel: CommandChannel) => T, isLongLived = false): Promise<T> {
    const { client, sessions } = this.#connection;
    return sessions
      .open((done) => client.exec(line, done), attach, isLongLived)
      .catch((error: unknown) => {
        if (error instanceof Failure) throw error;
        throw lossOf(this, error);
      });
  }

  /** Connects to a port of the host; returns undefined if sshd forbids forwarding. */
  async #forward(port: number, address = '127.0.0.1'): Promise<ChannelSocket | undefined> {
    const { client } = this.#connection;
    try {
      return await openChannel<Channel, ChannelSocket>(
        (done) => client.forwardOut('127.0.0.1', 0, address, port, done),
        (channel) => new ChannelSocket(channel),
      );
    } catch (error) {
      if (!isChannelRefusal(error)) throw lossOf(this, error);
      if (error.reason === forbidden) return undefined;
      throw this.#unhealthy('probe.refused', `nothing listens on port ${port}`);
    }
  }

  #request(socket: ChannelSocket, probe: Probe, stop: AbortSignal): Promise<Omit<ProbeAnswer, 'duration'>> {
    return sendProbe(socket, probe, stop).catch((error: Error) => {
      const isPlain = (error as NodeJS.ErrnoException).code === 'ERR_SSL_WRONG_VERSION_NUMBER';
      const why = isPlain ? 'it does not speak TLS' : error.message;
      throw this.#unhealthy('probe.closed', `port ${probe.port} did not return an HTTP response: ${why}`);
    });
  }

  async #curl(probe: Probe, stop: AbortSignal): Promise<Omit<ProbeAnswer, 'duration'>> {
    const { port, timeout } = probe;
    const curl = (isVerified: boolean) =>
      this.#execute({ argv: curlArguments(probe, isVerified), timeout }, stop);
    const first = await curl(true);
    const isInvalid = isCertificateError(first.code);
    const { code, stdout, stderr } = isInvalid ? await curl(false) : first;
    if (code !== 0) throw this.#curlFailure(code, port, stderr);
    return {
      ...curlAnswer(stdout),
      ...(isInvalid ? { certificateProblem: first.stderr.trim().split('\n')[0] ?? '' } : {}),
    };
  }

  async #curlOpen(
    port: number,
    { address = '127.0.0.1', timeout }: { address?: string; timeout: number },
    stop: AbortSignal,
  ): Promise<void> {
    const argv = [
      'curl',
      '-sS',
      '-m',
      String(Math.min(timeout, grace) / 1000),
      `telnet://${address}:${port}`,
    ];
    const { code, stderr } = await this.#execute({ argv, timeout }, stop);
    // curl times out on a port that keeps the connection open.
    if (code !== 28 || /Connection timed out after/.test(stderr))
      throw this.#curlFailure(code === 0 ? 7 : code, port, stderr);
  }

  #curlFailure(code: number, port: number, output: string): Failure {
    if (code !== 127)
      return this.#unhealthy(
        curlCodes[code] ?? 'probe.closed',
        `port ${port}: ${output.trim() || 'no response'}`,
      );
    return new Failure(
      'access',
      'probe.forbidden',
      `${this.name} does not allow TCP forwarding and has no curl`,
      {
        host: this.name,
        hint: 'set `AllowTcpForwarding local` in its sshd_config, or install curl',
      },
    );
  }

  #noShell(output: string): Failure {
    return new Failure(
      'access',
      'host.shell',
      `${this.name} does not run commands for ${this.#connection.target.user}`,
      {
        host: this.name,
        hint: 'check the login shell: `nologin` and ForceCommand prevent commands from running',
        evidence: output
          .split('\n')
          .filter((line) => line.trim() !== '')
          .slice(-5),
      },
    );
  }

  #failed(code: string, message: string): Failure {
    return new Failure('failed', code, message, { host: this.name });
  }

  #unhealthy(code: string, message: string): Failure {
    return new Failure('unhealthy', code, message, { host: this.name });
  }
}
