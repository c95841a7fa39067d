import type { Readable } from 'node:stream';
import { z } from 'zod';
import type { PullProgress } from '../host.js';

/** A line of the response of `POST /images/create`. */
const Line = z.object({
  status: z.string().optional(),
  id: z.string().optional(),
  progressDetail: z.object({ current: z.number().optional(), total: z.number().optional() }).optional(),
  error: z.string().optional(),
});

interface Layer {
  done: number;
  total: number;
  complete: boolean;
}

/** An error that the engine reports in the stream. */
export class PullError extends Error {}

/**
 * Follows a pull to its end. Calls `onLine` with the status of each line. Throws a {@link PullError} for an error in the
 * stream, or if the stream ends early.
 */
export async function followPull(
  stream: Readable,
  onProgress: (progress: PullProgress) => void,
  onLine: (status: string) => void,
): Promise<void> {
  const layers = new Map<string, Layer>();
  let finished = false;
  for await (const text of linesOf(stream)) {
    const line = Line.parse(JSON.parse(text));
    if (line.error !== undefined) throw new PullError(line.error);
    const { status = '', id } = line;
    onLine(id === undefined ? status : `${status} ${id}`);
    if (/^(Status|Digest):/.test(status)) finished = true;
    if (id !== undefined && update(layers, id, status, line.progressDetail)) onProgress(sum(layers));
  }
  if (!finished) throw new PullError('the engine ended the pull early');
}

/** Follows an import to its end. Throws a {@link PullError} for an error in the stream. */
export async function followImport(stream: Readable): Promise<void> {
  for await (const text of linesOf(stream)) {
    const { error } = Line.parse(JSON.parse(text));
    if (error !== undefined) throw new PullError(error);
  }
}

/** Returns whether the line reports on a layer. */
function update(
  layers: Map<string, Layer>,
  id: string,
  status: string,
  detail: { current?: number | undefined; total?: number | undefined } = {},
): boolean {
  const layer = layers.get(id) ?? { done: 0, total: 0, complete: false };
  switch (status) {
    case 'Pulling fs layer':
    case 'Waiting':
    case 'Verifying Checksum':
    case 'Extracting':
      break;
    case 'Downloading':
      layer.done = Math.max(layer.done, detail.current ?? 0);
      layer.total = Math.max(layer.total, detail.total ?? 0);
      break;
    case 'Download complete':
      layer.done = layer.total;
      break;
    case 'Pull complete':
    case 'Already exists':
      layer.done = layer.total;
      layer.complete = true;
      break;
    default:
      return false;
  }
  layers.set(id, layer);
  return true;
}

function sum(layers: ReadonlyMap<string, Layer>): PullProgress {
  const all = [...layers.values()];
  return {
    done: all.reduce((bytes, layer) => bytes + layer.done, 0),
    total: all.reduce((bytes, layer) => bytes + layer.total, 0),
    layers: all.length,
    layersDone: all.filter((layer) => layer.complete).length,
  };
}

async function* linesOf(stream: Readable): AsyncGenerator<string> {
  let rest = '';
  stream.setEncoding('utf8');
  for await (const chunk of stream) {
    const parts = (rest + String(chunk)).split('\n');
    rest = parts.pop() ?? '';
    for (const part of parts) if (part.trim() !== '') yield part;
  }
  if (rest.trim() !== '') yield rest;
}
