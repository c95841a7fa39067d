import type { Size } from '../../../host/host.js';
import type { Output } from '../../../report/output.js';

/** The terminal of this process, as far as another program is to be lent it. */
export interface LocalTerminal {
  /** Whether input comes from a terminal. */
  readonly isTerminal: boolean;
  /** Its size now; 80 x 24 where it does not say. */
  size(): Size;
  /** Hands over every key as it is, Ctrl-C too, until the function that it gives back is called, or the process ends. */
  raw(): () => void;
  /** Calls back whenever its size changes, until the function that it gives back is called. */
  onResize(listener: () => void): () => void;
  /**
   * Hands over the input, of a terminal or not, and its end; waits for `onData` before it reads on. Reads no more once the
   * function that it gives back is called.
   */
  read(onData: (data: Buffer) => Promise<void>, onEnd: () => void): () => void;
}

/** What {@link processTerminal} needs of the process. */
export interface TerminalProcess {
  readonly stdin: NodeJS.ReadableStream & {
    readonly isTTY?: boolean;
    setRawMode?(raw: boolean): unknown;
    unref?(): unknown;
  };
  readonly stdout: NodeJS.EventEmitter & { readonly columns?: number; readonly rows?: number };
  readonly stderr: { readonly columns?: number; readonly rows?: number };
  /** Runs stty(1) on the terminal, where there is one; never fails. */
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
      // Node's raw mode still turns each newline into two characters, which moves the cursor of full-screen programs.
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
        // A pipe that nobody writes to would keep the process.
        stdin.unref?.();
      };
    },
  };
}
