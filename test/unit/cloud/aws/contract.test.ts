import { cloudContract } from '../../../contract/cloud.contract.js';
import { usualSettings } from '../../../fakes/cloud.js';
import { setting } from './setting.js';

cloudContract('AWS', async () => {
  const { clock, behind, api, cloud } = await setting();
  behind.launch('i-1', { name: 'web-1' });
  behind.launch('i-2');
  behind.launch('i-3', { state: 'stopped' });
  behind.addGroup('web', { settings: { ...usualSettings, deregistrationDelay: 3_000 } });
  behind.addGroup('idle', { balancers: [] });
  const security = { group: 'sg-instance', from: 20_000, to: 20_999, source: 'sg-balancer' };
  behind.rules.push({ ...security, protocol: 'tcp' });
  return {
    cloud,
    running: ['i-1', 'i-2'],
    name: 'web-1',
    ports: [20_000, 20_001],
    stopped: 'i-3',
    group: 'web',
    idle: 'idle',
    security,
    pass: (ms) => clock.advance(ms),
    close: async () => api.close(),
  };
});
