import type { Size } from '../../../host/host.js';
import type { Output } from '../../../report/output.js';

/** The terminal of this process. */
export interface LocalTerminal {
  /** Whether input comes from a terminal. */
  readonly isTerminal: boolean;
  /** The current size; 80 x 24 if unknown. */
  size(): Size;
  /** Passes on every key, including Ctrl-C, until the returned function is called or this process exits. */
  raw(): () => void;
  /** Calls `listener` when the size changes, until the returned function is called. */
  onResize(listener: () => void): () => void;
  /** Reads standard input until the returned function is called. Waits for `onData` before it reads more. */
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

/** Returns the terminal of a process. */
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
      let stopped = false;
      const take = (data: Buffer | string) => {
        stdin.pause();
        void onData(Buffer.from(data)).then(() => {
          if (!stopped) stdin.resume();
        });
      };
      stdin.on('data', take).on('end', onEnd).on('error', onEnd).resume();
      return () => {
        stopped = true;
        stdin.off('data', take).off('end', onEnd).off('error', onEnd).pause();
        // An idle pipe would keep the process alive.
        stdin.unref?.();
      };
    },
  };
}
