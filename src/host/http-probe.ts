import { request } from 'node:http';
import { isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect, type TLSSocket } from 'node:tls';
import { whenAborted } from '../domain/abort.js';
import type { Probe, ProbeAnswer } from './host.js';

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

function exchange(socket: Duplex, { port, path, host, headers }: Probe, stop: AbortSignal): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const own = { host: host ?? `localhost:${port}`, 'user-agent': 'oneclick', connection: 'keep-alive' };
    const httpRequest = request({
      ...{ createConnection: () => socket, path, headers: { ...own, ...headers }, signal: stop },
    });
    httpRequest.on('error', reject);
    httpRequest.on('response', (response) => {
      let body = Buffer.alloc(0);
      const done = () => {
        resolve({
          status: response.statusCode ?? 0,
          body: body.toString(),
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
function encrypt(
  connection: Duplex,
  { serverName, address = '' }: Probe,
  stop: AbortSignal,
): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const name = serverName ?? address;
    const servername = name === '' || isIP(name) !== 0 ? {} : { servername: name };
    const socket = connect({ socket: connection, rejectUnauthorized: false, ...servername });
    const ignore = whenAborted(stop, () => socket.destroy());
    socket.on('error', reject);
    socket.once('close', () => reject(new Error('the connection was closed')));
    socket.once('secureConnect', () => {
      ignore();
      resolve(socket);
    });
  });
}

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

/** Returns the command that sends a probe from a host with curl; see {@link parseCurl}. */
export function curlArguments(probe: Probe, isVerified: boolean): readonly string[] {
  const { port, address = '127.0.0.1', path, timeout, scheme = 'http', host, headers, serverName } = probe;
  const all = { ...(host === undefined ? {} : { host }), ...headers };
  const isNamed = scheme === 'https' && serverName !== undefined;
  return [
    ...['curl', '-sS', '-A', 'oneclick', '-m', String(timeout / 1000), '-w', '\n%{http_code}'],
    ...(scheme === 'https' && !(isNamed && isVerified) ? ['-k'] : []),
    ...Object.entries(all).flatMap(([name, value]) => ['-H', `${name}: ${value}`]),
    // Sends the name in the handshake.
    ...(isNamed ? ['--connect-to', `::${address}:${port}`] : []),
    `${scheme}://${isNamed ? serverName : address}:${port}${path}`,
  ];
}

/** Returns the answer that {@link curlArguments} prints. */
export function parseCurl(stdout: string): Answer {
  const end = stdout.lastIndexOf('\n');
  return { status: Number(stdout.slice(end + 1)), body: stdout.slice(0, Math.min(end, bodyLimit)) };
}
