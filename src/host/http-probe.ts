import { request } from 'node:http';
import { isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect } from 'node:tls';
import { given } from '../domain/given.js';
import type { Probe, ProbeAnswer } from './host.js';

/** Bytes. */
const bodyLimit = 2048;

type Answer = Omit<ProbeAnswer, 'duration'>;

/** Sends the request on an open connection. Rejects with the error of the connection. */
export function sendProbe(socket: Duplex, probe: Probe, stop: AbortSignal): Promise<Answer> {
  return new Promise((resolve, reject) => {
    socket.on('error', reject);
    const connection = probe.scheme === 'https' ? encrypted(socket, probe) : socket;
    const headers = { ...headersOf(probe), connection: 'keep-alive' };
    const options = { createConnection: () => connection, path: probe.path, headers, signal: stop };
    const httpRequest = request(options);
    httpRequest.on('error', reject);
    httpRequest.on('response', (response) => {
      let body = Buffer.alloc(0);
      const done = () => {
        resolve({
          status: response.statusCode ?? 0,
          body: body.toString(),
          ...given({ location: response.headers.location }),
          ...keepAliveOf(response.headers['keep-alive']),
        });
        socket.destroy();
      };
      response.on('data', (data: Buffer) => {
        body = Buffer.concat([body, data]).subarray(0, bodyLimit);
        if (body.length === bodyLimit) done();
      });
      response.on('end', done).on('error', done);
    });
    httpRequest.end();
  });
}

/** The certificate cannot be checked: it is not for this address. */
function encrypted(socket: Duplex, probe: Probe): Duplex {
  const name = serverName(probe);
  return connect({
    ...{ socket, rejectUnauthorized: false },
    ...given({ servername: isIP(name) === 0 ? name : undefined }),
  });
}

const hostOf = ({ host, port }: Probe) => host ?? `localhost:${port}`;
const serverName = (probe: Probe) =>
  hostOf(probe)
    .replace(/:\d+$/, '')
    .replace(/^\[|\]$/g, '');
const headersOf = (probe: Probe) => ({ 'user-agent': 'oneclick', ...probe.headers, host: hostOf(probe) });

/** Parses `timeout=5, max=100`, in seconds (RFC 2068, 19.7.1.1). */
function keepAliveOf(header: string | string[] | undefined): Pick<ProbeAnswer, 'keepAlive'> {
  const [, seconds] = /\btimeout=(\d{1,6})\b/.exec(String(header)) ?? [];
  return seconds === undefined ? {} : { keepAlive: Number(seconds) * 1000 };
}

/** Returns a curl command that sends the same request. Its output is for {@link curlAnswer}. */
export function probeArgv(probe: Probe): readonly string[] {
  const { port, path, scheme = 'http', timeout } = probe;
  const address = probe.address ?? '127.0.0.1';
  const place = address.includes(':') ? `[${address}]` : address;
  const name = serverName(probe);
  const isName = scheme === 'https' && isIP(name) === 0;
  return [
    ...['curl', '-sS', '--globoff', '-m', String(timeout / 1000), '-w', '\n%{redirect_url}\n%{http_code}'],
    ...Object.entries(headersOf(probe)).flatMap(([key, value]) => ['-H', `${key}: ${value}`]),
    ...(scheme === 'https' ? ['-k'] : []),
    // The server name of TLS comes from the URL.
    ...(isName ? ['--connect-to', `::${place}:${port}`] : []),
    `${scheme}://${isName ? name : place}:${port}${path}`,
  ];
}

/** Parses the output of {@link probeArgv}. */
export function curlAnswer(output: string): Answer {
  const lines = output.split('\n');
  const [location, status] = lines.slice(-2);
  const body = lines.slice(0, -2).join('\n').slice(0, bodyLimit);
  return { status: Number(status), body, ...given({ location: location || undefined }) };
}
