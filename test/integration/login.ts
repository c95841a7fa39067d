import { promisify } from 'node:util';
import ssh from 'ssh2';

/** Logs in with a key, optionally through another connection, and returns the output of a command. */
export async function login(
  host: string,
  username: string,
  privateKey: string,
  command: string,
  through?: ssh.Client,
) {
  const sock = through && (await promisify(through.forwardOut.bind(through))('127.0.0.1', 0, host, 22));
  return outputOf(await connection({ host, username, privateKey, ...(sock && { sock }) }), command);
}

/** Returns the output of a command and closes the connection. */
export async function outputOf(client: ssh.Client, command: string): Promise<string> {
  try {
    return await new Promise<string>((resolve, reject) => {
      client.exec(command, (error, channel) => {
        if (error) return reject(error);
        let output = '';
        channel.on('data', (data: Buffer) => {
          output += data.toString();
        });
        channel.on('close', () => resolve(output.trim()));
      });
    });
  } finally {
    client.end();
  }
}

/** Opens a connection; only `options` can verify the host key. */
export function connection(options: ssh.ConnectConfig): Promise<ssh.Client> {
  const client = new ssh.Client();
  return new Promise((resolve, reject) => {
    client.on('ready', () => resolve(client)).on('error', reject);
    client.connect(options);
  });
}
