import { promisify } from 'node:util';
import ssh from 'ssh2';

/** What `command` prints on the instance, for the holder of `privateKey`; `through` a connection to another one. */
export async function login(
  host: string,
  username: string,
  privateKey: string,
  command: string,
  through?: ssh.Client,
) {
  const sock = through && (await promisify(through.forwardOut.bind(through))('127.0.0.1', 0, host, 22));
  return printed(await connection({ host, username, privateKey, ...(sock && { sock }) }), command);
}

/** What a command prints; ends the connection. */
export async function printed(client: ssh.Client, command: string): Promise<string> {
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

/** A connection; the host key is looked at by `options` alone. */
export function connection(options: ssh.ConnectConfig): Promise<ssh.Client> {
  const client = new ssh.Client();
  return new Promise((resolve, reject) => {
    client.on('ready', () => resolve(client)).on('error', reject);
    client.connect(options);
  });
}
