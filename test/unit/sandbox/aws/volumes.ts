import type { Docker } from '../../../../src/sandbox/docker.js';

interface Volume {
  readonly Name: string;
  readonly Labels: Readonly<Record<string, string>>;
}

/** The volumes of a Docker engine, which outlive whoever made them. */
export class FakeVolumes {
  readonly volumes = new Map<string, Volume>();
  /** Called before each change, which it may refuse; `'create oneclick-test-document-…'`. */
  before: (change: string) => void | Promise<void> = () => {};

  get docker(): Docker {
    const docker = {
      createVolume: async (volume: Volume) => {
        await this.before(`create ${volume.Name}`);
        if (!this.volumes.has(volume.Name)) this.volumes.set(volume.Name, volume);
      },
      listVolumes: async ({ filters }: { filters: { label: readonly string[] } }) => ({
        Volumes: [...this.volumes.values()].filter(({ Labels }) =>
          filters.label.every((wanted) => {
            const [name = '', value] = wanted.split('=');
            return value === undefined ? name in Labels : Labels[name] === value;
          }),
        ),
      }),
      getVolume: (name: string) => ({
        remove: async () => {
          await this.before(`remove ${name}`);
          if (!this.volumes.delete(name))
            throw Object.assign(new Error('no such volume'), { statusCode: 404 });
        },
      }),
    };
    return docker as unknown as Docker;
  }
}
