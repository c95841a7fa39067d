import type { Docker } from '../../../../src/sandbox/docker.js';

type Labels = Readonly<Record<string, string>>;

interface Volume {
  readonly Name: string;
  readonly Labels: Labels;
}

interface Container {
  readonly Id: string;
  readonly Labels: Labels;
  readonly Env: readonly string[];
  State: 'created' | 'running' | 'exited';
}

/** As much of a Docker engine as the API stands on: volumes and containers, which outlive whoever made them. */
export class FakeEngine {
  readonly volumes = new Map<string, Volume>();
  readonly containers = new Map<string, Container>();
  /** Called before each change, which it may hold up or refuse: `create volume NAME`, `start NAME`. */
  before: (change: string) => void | Promise<void> = () => {};

  get docker(): Docker {
    return {
      createVolume: async (volume: Volume) => {
        await this.before(`create volume ${volume.Name}`);
        if (!this.volumes.has(volume.Name)) this.volumes.set(volume.Name, volume);
      },
      listVolumes: async ({ filters }: { filters: Filters }) => ({
        Volumes: [...this.volumes.values()].filter((volume) => matches(filters, volume.Labels)),
      }),
      getVolume: (name: string) => ({
        remove: async () => {
          await this.before(`remove volume ${name}`);
          if (!this.volumes.delete(name)) throw absent();
        },
      }),
      createContainer: async ({
        name,
        Labels,
        Env,
      }: { name: string } & Pick<Container, 'Labels' | 'Env'>) => {
        await this.before(`create ${name}`);
        this.containers.set(name, { Id: name, Labels, Env, State: 'created' });
        return this.#container(name);
      },
      listContainers: async ({ filters }: { filters: Filters }) =>
        [...this.containers.values()].filter(({ Labels }) => matches(filters, Labels)),
      getContainer: (name: string) => this.#container(name),
    } as unknown as Docker;
  }

  #container(name: string) {
    const become = (what: string, state: Container['State'] | undefined) => async () => {
      await this.before(`${what} ${name}`);
      const container = this.containers.get(name);
      if (container === undefined) throw absent();
      if (state === undefined) this.containers.delete(name);
      else container.State = state;
    };
    return {
      start: become('start', 'running'),
      restart: become('restart', 'running'),
      stop: become('stop', 'exited'),
      remove: become('remove', undefined),
    };
  }
}

interface Filters {
  readonly label: readonly string[];
}

function matches({ label }: Filters, labels: Labels): boolean {
  return label.every((wanted) => {
    const [name = '', value] = wanted.split('=');
    return value === undefined ? name in labels : labels[name] === value;
  });
}

function absent(): Error {
  return Object.assign(new Error('no such thing'), { statusCode: 404 });
}
