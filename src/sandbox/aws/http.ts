import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { SandboxFailure } from '../failure.js';
import type { Region } from './action.js';
import { injectFaults } from './faults/inject.js';
import { answer, type Services } from './wire.js';

/** What the sandbox itself asks the endpoint, beside the API. */
export interface Control {
  /** GET says which endpoint answers there and how it behaves, PATCH changes how it behaves, DELETE ends it. */
  readonly path: string;
  /** What who asks has to show. */
  readonly token: string;
  /** Says which endpoint this is. */
  readonly about: object;
  /** Says how it behaves. */
  readonly behaviour: (region: Region) => object;
  /** Changes how it behaves, as a text says. @throws SandboxFailure for what cannot be */
  readonly behave: (region: Region, text: string) => Promise<void>;
  /** Ends the endpoint. */
  readonly end: () => void;
}

/** More than the user-data of an instance, which is the longest that the API takes. */
const mostBytes = 1_000_000;

/**
 * The API over HTTP. Only who calls it by a loopback name and can set a header is heard, so that no page in a browser on
 * this machine can do anything.
 */
export function apiOverHttp(services: Services, region: Promise<Region>, control: Control): RequestListener {
  return (request, reply) => {
    handle(services, region, control, request, reply).catch(() => reply.destroy());
  };
}

async function handle(
  services: Services,
  region: Promise<Region>,
  control: Control,
  request: IncomingMessage,
  reply: ServerResponse,
): Promise<void> {
  const { headers, method = '', url = '' } = request;
  const [path, query = ''] = url.split('?');
  if (!/^(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/.test(headers.host ?? ''))
    return say(reply, 403, 'not for this host');
  if (path === control.path) {
    if (headers.authorization !== `Bearer ${control.token}`) return say(reply, 403, 'not for you');
    if (method === 'DELETE') {
      reply.on('close', control.end);
      return say(reply, 200, JSON.stringify(control.about));
    }
    return controlled(await region, control, request, reply);
  }
  if (method !== 'POST' && method !== 'GET') return say(reply, 405, 'POST or GET');
  const form = method === 'GET' ? query : await bodyOf(request);
  if (form === undefined) return say(reply.setHeader('connection', 'close'), 413, 'too long');
  const asked = { authorization: headers.authorization, form };
  const { status, requestId, body, lost } = await answer(services, await region, asked, injectFaults);
  if (lost) return void request.socket.destroy();
  reply.writeHead(status, { 'content-type': 'text/xml;charset=UTF-8', 'x-amzn-requestid': requestId });
  reply.end(body);
}

async function controlled(
  region: Region,
  control: Control,
  request: IncomingMessage,
  reply: ServerResponse,
): Promise<void> {
  try {
    if (request.method === 'PATCH') await control.behave(region, (await bodyOf(request)) ?? '');
  } catch (error) {
    if (!(error instanceof SandboxFailure)) throw error;
    const { code, message, hint, exitCode } = error;
    return say(reply, 400, JSON.stringify({ code, message, hint, exitCode }));
  }
  say(reply, 200, JSON.stringify({ ...control.about, ...control.behaviour(region) }));
}

/** Nothing of one that is too long. */
async function bodyOf(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > mostBytes) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function say(reply: ServerResponse, status: number, text: string): void {
  reply.writeHead(status, { 'content-type': 'text/plain' }).end(text);
}
