import type { Process } from '../../../host/host.js';
import type { Output } from '../../../report/output.js';
import type { LocalTerminal } from './local-terminal.js';

/** How to connect a process to this terminal. */
export interface TerminalOptions {
  readonly terminal: LocalTerminal;
  readonly output: Output;
  /** Whether to pass on standard input. */
  readonly input: boolean;
  /** Whether to put the terminal into raw mode for the process. */
  readonly tty: boolean;
  /** Closes the connection. */
  readonly signal: AbortSignal;
}

/** 128 + SIGPIPE. */
const brokenPipe = 141;

/**
 * Connects a process to the standard streams of this one; resolves to its exit code. Restores the terminal in any case.
 * Rejects with the reason of the signal, or with a Failure if the connection is lost.
 */
export async function attachTerminal(process: Process, options: TerminalOptions): Promise<number> {
  const { terminal, output, input, tty, signal } = options;
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
