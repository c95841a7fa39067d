import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { SandboxFailure } from '../failure.js';
import type { Region } from './action.js';
import { injectFaults } from './faults/inject.js';
import { handleRequest, type Services } from './wire.js';

/** Requests of the sandbox itself, in addition to the AWS API. */
export interface Control {
  /** GET returns info and behavior, PATCH changes the behavior, DELETE stops the endpoint. */
  readonly path: string;
  /** The required bearer token. */
  readonly token: string;
  /** Identifies the endpoint. */
  readonly info: object;
  readonly behavior: (region: Region) => object;
  /** Applies a JSON request. @throws SandboxFailure if it is invalid */
  readonly changeBehavior: (region: Region, text: string) => Promise<void>;
  readonly stop: () => void;
}

/** More than user-data, the longest input of the API. */
const maxBodyBytes = 1_000_000;

/** Serves the API over HTTP. Requires a loopback host name and an own header, so that web pages cannot call it. */
export function apiListener(services: Services, region: Promise<Region>, control: Control): RequestListener {
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
    return sendText(reply, 403, 'unknown host');
  if (path === control.path) {
    if (headers.authorization !== `Bearer ${control.token}`) return sendText(reply, 403, 'invalid token');
    if (method === 'DELETE') {
      reply.on('close', control.stop);
      return sendText(reply, 200, JSON.stringify(control.info));
    }
    return handleControl(await region, control, request, reply);
  }
  if (method !== 'POST' && method !== 'GET') return sendText(reply, 405, 'method not allowed');
  const form = method === 'GET' ? query : await readBody(request);
  if (form === undefined)
    return sendText(reply.setHeader('connection', 'close'), 413, 'request body too large');
  const apiRequest = { authorization: headers.authorization, form };
  const { status, requestId, body, lost } = await handleRequest(
    services,
    await region,
    apiRequest,
    injectFaults,
  );
  if (lost) return void request.socket.destroy();
  reply.writeHead(status, { 'content-type': 'text/xml;charset=UTF-8', 'x-amzn-requestid': requestId });
  reply.end(body);
}

async function handleControl(
  region: Region,
  control: Control,
  request: IncomingMessage,
  reply: ServerResponse,
): Promise<void> {
  try {
    if (request.method === 'PATCH') await control.changeBehavior(region, (await readBody(request)) ?? '');
  } catch (error) {
    if (!(error instanceof SandboxFailure)) throw error;
    const { code, message, hint, exitCode } = error;
    return sendText(reply, 400, JSON.stringify({ code, message, hint, exitCode }));
  }
  sendText(reply, 200, JSON.stringify({ ...control.info, ...control.behavior(region) }));
}

/** Returns `undefined` if the body is too long. */
async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > maxBodyBytes) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function sendText(reply: ServerResponse, status: number, text: string): void {
  reply.writeHead(status, { 'content-type': 'text/plain' }).end(text);
}
