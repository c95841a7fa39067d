import { request } from 'node:http';
import { isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect, type TLSSocket } from 'node:tls';
import { whenAborted } from '../domain/abort.js';
import { given } from '../domain/given.js';
import type { Probe, ProbeAnswer } from './host.js';

/** Bytes. */
const bodyLimit = 2048;

type Answer = Omit<ProbeAnswer, 'duration'>;

/** Sends a probe over a new connection and closes it. Rejects with an Error if there is no HTTP response. */
export async function sendProbe(connection: Duplex, probe: Probe, stop: AbortSignal): Promise<Answer> {
  if (probe.scheme !== 'https') return exchange(connection, probe, stop);
  const socket = await encrypt(connection, probe, stop);
  const answer = await exchange(socket, probe, stop);
  const { serverName } = probe;
  if (serverName === undefined || socket.authorized) return answer;
  return { ...answer, certificateProblem: certificateText(socket.authorizationError, serverName) };
}

function exchange(socket: Duplex, probe: Probe, stop: AbortSignal): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = { ...headersOf(probe), connection: 'keep-alive' };
    const options = { createConnection: () => socket, path: probe.path, headers, signal: stop };
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

/** Accepts any certificate, because the answer counts; the caller reports a wrong one. */
function encrypt(connection: Duplex, probe: Probe, stop: AbortSignal): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const name = nameOf(probe);
    const servername = isIP(name) === 0 ? name : undefined;
    const socket = connect({ socket: connection, rejectUnauthorized: false, ...given({ servername }) });
    const ignore = whenAborted(stop, () => socket.destroy());
    socket.on('error', reject);
    socket.once('close', () => reject(new Error('the connection was closed')));
    socket.once('secureConnect', () => {
      ignore();
      resolve(socket);
    });
  });
}

const hostOf = ({ host, port }: Probe) => host ?? `localhost:${port}`;
const headersOf = (probe: Probe) => ({ 'user-agent': 'oneclick', ...probe.headers, host: hostOf(probe) });

/** The server's name for TLS. */
const nameOf = (probe: Probe) =>
  probe.serverName ??
  (probe.host ?? probe.address ?? 'localhost').replace(/:\d+$/, '').replace(/^\[|\]$/g, '');

const certificateErrors: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'has expired',
  CERT_NOT_YET_VALID: 'is not valid yet',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'is self-signed',
  ERR_TLS_CERT_ALTNAME_INVALID: 'is for another name',
};

/** At run time Node sets `authorizationError` to a code, despite its type. */
function certificateText(error: unknown, serverName: string): string {
  const code = error instanceof Error ? error.message : String(error);
  return `the certificate for ${serverName} ${certificateErrors[code] ?? `is not trusted: ${code}`}`;
}

/** Parses `timeout=5, max=100`, in seconds (RFC 2068, 19.7.1.1). */
function keepAliveOf(header: string | string[] | undefined): Pick<ProbeAnswer, 'keepAlive'> {
  const [, seconds] = /\btimeout=(\d{1,6})\b/.exec(String(header)) ?? [];
  return seconds === undefined ? {} : { keepAlive: Number(seconds) * 1000 };
}

/** Whether curl(1) failed because of the certificate. */
export const isCertificateError = (code: number): boolean => code === 51 || code === 60;

/** Returns a curl command that sends the same request from a host. Its output is for {@link curlAnswer}. */
export function curlArguments(probe: Probe, isVerified: boolean): readonly string[] {
  const { port, path, scheme = 'http', timeout, address = '127.0.0.1' } = probe;
  const place = address.includes(':') ? `[${address}]` : address;
  const name = nameOf(probe);
  const isNamed = scheme === 'https' && isIP(name) === 0;
  const accepts = scheme === 'https' && !(probe.serverName !== undefined && isVerified);
  return [
    ...['curl', '-sS', '--globoff', '-m', String(timeout / 1000), '-w', '\n%{redirect_url}\n%{http_code}'],
    ...Object.entries(headersOf(probe)).flatMap(([key, value]) => ['-H', `${key}: ${value}`]),
    ...(accepts ? ['-k'] : []),
    // The server name of TLS comes from the URL.
    ...(isNamed ? ['--connect-to', `::${place}:${port}`] : []),
    `${scheme}://${isNamed ? name : place}:${port}${path}`,
  ];
}

/** Parses the output of {@link curlArguments}. */
export function curlAnswer(output: string): Answer {
  const lines = output.split('\n');
  const [location, status] = lines.slice(-2);
  const body = lines.slice(0, -2).join('\n').slice(0, bodyLimit);
  return { status: Number(status), body, ...given({ location: location || undefined }) };
}
