import type { Size } from '../../../host/host.js';
import type { Output } from '../../../report/output.js';

/** The terminal of this process, for a program in a container. */
export interface LocalTerminal {
  /** Whether input comes from a terminal. */
  readonly isTerminal: boolean;
  /** The current size; 80 x 24 if unknown. */
  size(): Size;
  /** Passes on every key, Ctrl-C too, until the returned function is called or the process ends. */
  raw(): () => void;
  /** Calls `listener` when the size changes, until the returned function is called. */
  onResize(listener: () => void): () => void;
  /**
   * Reads the input and its end, from a terminal or not, until the returned function is called. Waits for `onData` before
   * it reads on.
   */
  read(onData: (data: Buffer) => Promise<void>, onEnd: () => void): () => void;
}

/** The parts of a process that {@link processTerminal} uses. */
export interface TerminalProcess {
  readonly stdin: NodeJS.ReadableStream & {
    readonly isTTY?: boolean;
    setRawMode?(raw: boolean): unknown;
    unref?(): unknown;
  };
  readonly stdout: NodeJS.EventEmitter & { readonly columns?: number; readonly rows?: number };
  readonly stderr: { readonly columns?: number; readonly rows?: number };
  /** Runs stty(1) on the terminal, if any; never throws. */
  stty(setting: string): void;
}

/** The terminal of this process. */
export function processTerminal(
  { stdin, stdout, stderr, stty }: TerminalProcess,
  output: Pick<Output, 'atExit'>,
): LocalTerminal {
  return {
    isTerminal: stdin.isTTY === true,
    size: () => ({
      columns: stdout.columns ?? stderr.columns ?? 80,
      rows: stdout.rows ?? stderr.rows ?? 24,
    }),
    raw: () => {
      const restore = () => void stdin.setRawMode?.(false);
      const forget = output.atExit(restore);
      stdin.setRawMode?.(true);
      // Node's raw mode still translates newlines, which breaks full-screen programs.
      stty('-onlcr');
      return () => {
        forget();
        restore();
      };
    },
    onResize: (listener) => {
      stdout.on('resize', listener);
      return () => stdout.off('resize', listener);
    },
    read: (onData, onEnd) => {
      let over = false;
      const take = (data: Buffer | string) => {
        stdin.pause();
        void onData(Buffer.from(data)).then(() => {
          if (!over) stdin.resume();
        });
      };
      stdin.on('data', take).on('end', onEnd).on('error', onEnd).resume();
      return () => {
        over = true;
        stdin.off('data', take).off('end', onEnd).off('error', onEnd).pause();
        // An idle pipe would keep the process alive.
        stdin.unref?.();
      };
    },
  };
}
