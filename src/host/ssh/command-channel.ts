import { Readable } from 'node:stream';
import type { RemoteProcess } from '../host.js';
import type { CommandChannel } from './channel.js';
import { afterMarker } from './shell.js';

/** Collects a command's output and exit status until its channel closes. */
export function collectOutput(channel: CommandChannel) {
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  let exit: { readonly code: number | null; readonly signal: string | undefined } | undefined;
  channel.on('data', (data: Buffer) => stdout.push(data));
  channel.stderr.on('data', (data: Buffer) => stderr.push(data));
  channel.on('error', () => undefined);
  channel.on('exit', (code: number | null, signal?: string) => {
    exit = { code, signal };
  });
  const text = (parts: readonly Buffer[]) => Buffer.concat(parts).toString();
  // Wrapped, because opening the channel would await a bare promise.
  return {
    all: new Promise<{ exit: typeof exit; stdout: string; stderr: string }>((resolve) => {
      channel.on('close', () => resolve({ exit, stdout: text(stdout), stderr: text(stderr) }));
    }),
  };
}

/** Wraps a channel as a process with line-based input and output. */
export function remoteProcess(channel: CommandChannel): RemoteProcess {
  const lines = new Readable({ objectMode: true, read: () => undefined });
  let hasStarted = false;
  let rest = '';
  channel.on('data', (data: Buffer) => {
    rest += data.toString();
    const whole = afterMarker(rest);
    if (!hasStarted && whole !== undefined) [hasStarted, rest] = [true, whole];
    if (!hasStarted) return;
    const parts = rest.split('\n');
    rest = parts.pop() ?? '';
    for (const line of parts) lines.push(line);
  });
  channel.stderr.resume();
  channel.on('error', () => undefined);
  const ended = new Promise<number | undefined>((resolve) => {
    let code: number | undefined;
    channel.on('exit', (status: number | null) => {
      code = status ?? undefined;
    });
    channel.on('close', () => {
      lines.push(null);
      resolve(code);
    });
  });
  return {
    lines,
    ended,
    write: (line) => {
      if (channel.writable) channel.write(`${line}\n`);
    },
    end: () => channel.end(),
  };
}
