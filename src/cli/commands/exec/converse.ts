import type { Process } from '../../../host/host.js';
import type { Output } from '../../../report/output.js';
import type { LocalTerminal } from './local-terminal.js';

/** The local side of a process in a container. */
export interface Ends {
  readonly terminal: LocalTerminal;
  readonly output: Output;
  /** Whether to pass on the input of this process. */
  readonly input: boolean;
  /** Whether to lend it the local terminal. */
  readonly tty: boolean;
  /** Closes the connection. */
  readonly signal: AbortSignal;
}

/** The exit code after a closed pipe: 128 + SIGPIPE. */
const brokenPipe = 141;

/**
 * Connects a process to the input and output of this one, byte by byte; resolves to its exit code. Restores the local
 * terminal in any case. Rejects with the reason of the signal, or with a Failure when the connection is lost.
 */
export async function converse(process: Process, ends: Ends): Promise<number> {
  const { terminal, output, input, tty, signal } = ends;
  const cleanups: (() => void)[] = [];
  const close = () => process.close();
  signal.addEventListener('abort', close, { once: true });
  cleanups.push(() => signal.removeEventListener('abort', close));
  try {
    signal.throwIfAborted();
    if (tty) {
      cleanups.push(terminal.raw());
      cleanups.push(terminal.onResize(() => void process.resize(terminal.size())));
    }
    if (input)
      cleanups.push(
        terminal.read(
          (data) => process.write(data),
          () => process.end(),
        ),
      );
    for await (const { stream, data } of process.output) {
      output[stream].writeRaw(data);
      if (!(await output[stream].ready())) return brokenPipe;
    }
    signal.throwIfAborted();
    return await process.exit();
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    for (const cleanup of cleanups.reverse()) cleanup();
    process.close();
  }
}
