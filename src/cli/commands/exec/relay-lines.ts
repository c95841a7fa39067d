import { StringDecoder } from 'node:string_decoder';
import type { Process } from '../../../host/host.js';
import { plainText } from '../../../host/plain-text.js';

/** Passes on the output of a process line by line, without terminal escapes; resolves to its exit code. */
export async function relayLines(
  process: Process,
  take: (stream: 'stdout' | 'stderr', text: string) => Promise<void>,
  signal: AbortSignal,
): Promise<number> {
  const close = () => process.close();
  signal.addEventListener('abort', close, { once: true });
  const open = {
    stdout: { decoder: new StringDecoder(), rest: '' },
    stderr: { decoder: new StringDecoder(), rest: '' },
  };
  try {
    for await (const { stream, data } of process.output) {
      const partial = open[stream];
      const lines = (partial.rest + partial.decoder.write(data)).split('\n');
      partial.rest = lines.pop() ?? '';
      for (const line of lines) await take(stream, plainText(line));
    }
    signal.throwIfAborted();
    for (const stream of ['stdout', 'stderr'] as const)
      if (open[stream].rest !== '') await take(stream, plainText(open[stream].rest));
    return await process.exit();
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener('abort', close);
    process.close();
  }
}
