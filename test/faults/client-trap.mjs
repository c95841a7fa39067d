/**
 * Preloaded into oneclick (`node --import`). At a named point of a run, kills the process or runs a command while the process
 * is blocked, so that faults are injected at a step and not at a time.
 *
 * Points: `start`, before anything is read; an event that was written to disk
 * (`event step.started container.stop/web/sandbox-1`); a request other than GET that was sent
 * (`sent POST /containers/web-2/start`); its response, before the program sees it (`answered …`). Repeated points are
 * numbered: `… #2`.
 *
 * The file ONECLICK_TRAP contains `{ at, run, trace, clock }`, all optional: the point, the command, a file to append all
 * points to, and an offset to the clock (ms).
 */
import { spawnSync } from 'node:child_process';
import { subscribe } from 'node:diagnostics_channel';
import { appendFileSync, existsSync, readFileSync, readlinkSync } from 'node:fs';
import { open } from 'node:fs/promises';

const file = process.env.ONECLICK_TRAP ?? '';
const { at, run, trace, clock = 0 } = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {};
const counts = new Map();
/** Host names by instance ID. */
const hosts = new Map();

function pass(point) {
  const count = (counts.get(point) ?? 0) + 1;
  counts.set(point, count);
  const name = count === 1 ? point : `${point} #${count}`;
  if (trace !== undefined) appendFileSync(trace, `${name}\n`);
  if (name !== at) return;
  if (run === undefined) process.kill(process.pid, 'SIGKILL');
  else spawnSync(run[0], run.slice(1), { stdio: 'ignore' });
}

const handle = await open(new URL(import.meta.url));
const fileHandle = Object.getPrototypeOf(handle);
await handle.close();
const { appendFile, sync } = fileHandle;

/** Writes line by line, because a crash can separate events that are written together. */
fileHandle.appendFile = async function (text, ...rest) {
  if (!readlinkSync(`/proc/self/fd/${this.fd}`).endsWith('.jsonl'))
    return appendFile.call(this, text, ...rest);
  for (const line of text.split(/(?<=\n)/)) {
    await appendFile.call(this, line, ...rest);
    await sync.call(this);
    const { type, step = '', plan } = JSON.parse(line);
    for (const { instances } of plan?.services ?? [])
      for (const { id, host } of instances) hosts.set(id, host);
    pass(`event ${type} ${step.replace(/[^/]+$/, (last) => hosts.get(last) ?? last)}`.trim());
  }
};

subscribe('http.client.request.start', ({ request }) => {
  if (request.method !== 'GET') request.once('finish', () => setImmediate(pass, `sent ${nameOf(request)}`));
});
subscribe('http.client.response.finish', ({ request }) => {
  if (request.method !== 'GET') pass(`answered ${nameOf(request)}`);
});

/** Replaces project, environment, IDs and later release numbers, so that names match in all runs. */
function nameOf({ method, path }) {
  const [place] = path.split('?');
  const short = place.replace(/(?<=\/)[^/]+-pair-/, '').replace(/[0-9a-f]{64}/, 'ID');
  return `${method} ${short.replace(/web-(?!1\b)\d+/, 'web-2')}`;
}

const RealDate = Date;
globalThis.Date = class extends RealDate {
  constructor(...parts) {
    super(...(parts.length === 0 ? [RealDate.now() + clock] : parts));
  }
  static now() {
    return RealDate.now() + clock;
  }
};

pass('start');
