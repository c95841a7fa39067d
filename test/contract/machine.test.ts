import { jest } from '@jest/globals';
import { hostContract } from './host.contract.js';
import { connect, pushSample, sandbox } from './sandbox.js';

jest.setTimeout(120_000);

const transports = [
  ['ssh2', {}],
  ['the system ssh', { transport: 'system' }],
] as const;

for (const [name, transport] of transports)
  hostContract(`a machine of the sandbox, over ${name}`, async () => {
    const { addresses, registry } = await sandbox();
    const [first] = addresses;
    if (first === undefined) throw new Error('the sandbox has no machine');
    const image = await pushSample(registry, 'contract-1');
    const other = await pushSample(registry, 'contract-2');
    const { connected, failures, close } = await connect([{ ...first, ...transport }]);
    const host = connected.get(first.name);
    if (host === undefined) throw failures[0] ?? new Error('not connected');
    const modes = { serves: '', 'exits with 3': 'exit', 'ignores TERM': 'ignore-term' };
    return {
      host,
      image,
      other,
      config: (behaviour) => ({ Image: image, Env: [`BROKEN=${modes[behaviour]}`] }),
      echo: ['sh', '-c', 'cat; printf err >&2; exit 3'],
      prefix: `contract-${process.pid}-${name.length}`,
      ports: [18_081, 18_082],
      close,
    };
  });
