import type { Process } from '../../../host/host.js';
import type { Output } from '../../../report/output.js';
import type { LocalTerminal } from './local-terminal.js';

/** What a process in a container is connected to here. */
export interface Ends {
  readonly terminal: LocalTerminal;
  readonly output: Output;
  /** Whether it is given the input of this process. */
  readonly input: boolean;
  /** Whether the local terminal becomes its terminal. */
  readonly tty: boolean;
  /** Ends the talk. */
  readonly signal: AbortSignal;
}

/** As a program that a closed pipe has ended: 128 + SIGPIPE. */
const brokenPipe = 141;

/**
 * Connects a process to the input and the output of this one, byte by byte, until it ends, and gives its exit code. The
 * local terminal is as it was before, however it ends. Rejects with the signal's reason, or with a Failure when the
 * connection is lost.
 */
export async function converse(process: Process, ends: Ends): Promise<number> {
  const { terminal, output, input, tty, signal } = ends;
  const undo: (() => void)[] = [];
  const close = () => process.close();
  signal.addEventListener('abort', close, { once: true });
  undo.push(() => signal.removeEventListener('abort', close));
  try {
    signal.throwIfAborted();
    if (tty) {
      undo.push(terminal.raw());
      undo.push(terminal.onResize(() => void process.resize(terminal.size())));
    }
    if (input)
      undo.push(
        terminal.read(
          (data) => process.write(data),
          () => process.end(),
        ),
      );
    for await (const { stream, data } of process.output) {
      output[stream].pass(data);
      if (!(await output[stream].ready())) return brokenPipe;
    }
    signal.throwIfAborted();
    return await process.exit();
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    for (const restore of undo.reverse()) restore();
    process.close();
  }
}
