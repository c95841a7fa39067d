import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { loadProject, resolveEnvironment } from '../../../src/config/load.js';
import { ServiceConfig } from '../../../src/config/service-schema.js';
import { environmentDocument } from '../../../src/config/show.js';
import { configContext } from './context.js';

const reference = readFileSync(new URL('../../../schema/reference.yml', import.meta.url), 'utf8');

describe('an environment that is shown', () => {
  it.each(['staging', 'production'])('%s is valid in oneclick.yml', async (name) => {
    const setting = configContext({ '/project/oneclick.yml': reference });
    const { environment } = await resolveEnvironment(await loadProject(setting), name, setting);
    const { services, hosts } = environmentDocument(environment);
    expect(Object.keys(hosts)).toEqual(environment.hosts.map((host) => host.name));
    for (const service of Object.values(services)) {
      const { hosts: _, ...written } = Object(service);
      expect(ServiceConfig.safeParse(written).error?.issues ?? []).toEqual([]);
    }
  });
});
