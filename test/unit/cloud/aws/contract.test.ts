import { cloudContract } from '../../../contract/cloud.contract.js';
import { withContractFixtures } from '../../../fakes/cloud.js';
import { setting } from './setting.js';

cloudContract('AWS', async () => {
  const { clock, behind, api, cloud } = await setting();
  return {
    ...{ cloud, ...withContractFixtures(behind) },
    pass: (ms) => clock.advance(ms),
    close: async () => api.close(),
  };
});
