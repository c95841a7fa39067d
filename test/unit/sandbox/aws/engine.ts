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

/** The parts of a Docker engine that the API uses: volumes and containers, which survive their endpoint. */
export class FakeEngine {
  readonly volumes = new Map<string, Volume>();
  readonly containers = new Map<string, Container>();
  /** Called before each change; may delay or reject it: `create volume NAME`, `start NAME`. */
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
          if (!this.volumes.delete(name)) throw notFound();
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
    const transition = (what: string, state: Container['State'] | undefined) => async () => {
      await this.before(`${what} ${name}`);
      const container = this.containers.get(name);
      if (container === undefined) throw notFound();
      if (state === undefined) this.containers.delete(name);
      else container.State = state;
    };
    return {
      start: transition('start', 'running'),
      restart: transition('restart', 'running'),
      stop: transition('stop', 'exited'),
      remove: transition('remove', undefined),
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

function notFound(): Error {
  return Object.assign(new Error('no such thing'), { statusCode: 404 });
}
