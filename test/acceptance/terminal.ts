import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { buffer } from 'node:stream/consumers';
import headless from '@xterm/headless';

/** What a person at a terminal does. */
export interface TerminalSession {
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  readonly columns: number;
  /** Typed once this is asked. */
  readonly answer?: { readonly to: string; readonly with: string };
}

/** What a command has left on the screen when it has ended, and above it. */
export interface Screen {
  readonly text: string;
  readonly code: number;
}

const rows = 24;

/** Gives the words after the first three a terminal of their own, and everything that they write there to standard output. */
const program = `
import fcntl, os, pty, select, struct, sys, termios
columns, asked, answer = int(sys.argv[1]), sys.argv[2].encode(), sys.argv[3].encode()
main, side = pty.openpty()
fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack('HHHH', ${rows}, columns, 0, 0))
child = os.fork()
if child == 0:
    os.setsid(); fcntl.ioctl(side, termios.TIOCSCTTY, 0)
    for fd in (0, 1, 2): os.dup2(side, fd)
    os.close(main); os.execvp(sys.argv[4], sys.argv[4:])
os.close(side)
seen = b''
while True:
    try: data = os.read(main, 65536)
    except OSError: break
    if not data: break
    os.write(1, data); seen += data
    if asked and asked in seen: os.write(main, answer + b'\\r'); asked = b''
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
`;

/** Runs a command on a terminal of this width, as a person sees it in the end: what was drawn over is gone. */
export async function runOnTerminal(
  argv: readonly string[],
  { cwd, env, columns, answer }: TerminalSession,
): Promise<Screen> {
  const words = [String(columns), answer?.to ?? '', answer?.with ?? '', ...argv];
  const child = spawn('python3', ['-c', program, ...words], {
    cwd,
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'close');
  const output = await buffer(child.stdout);
  const [code] = await ended;
  const terminal = new headless.Terminal({ cols: columns, rows, scrollback: 10_000, allowProposedApi: true });
  await new Promise<void>((resolve) => terminal.write(output, resolve));
  const { active } = terminal.buffer;
  const lines = Array.from({ length: active.length }, (_, line) => {
    return active.getLine(line)?.translateToString(true) ?? '';
  });
  terminal.dispose();
  return { text: `${lines.join('\n').trimEnd()}\n`, code: Number(code) };
}
