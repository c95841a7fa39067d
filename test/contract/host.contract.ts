import { createServer } from 'node:http';
import { type Duplex, Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { fixedAddress } from '../../src/domain/service-names.js';
import type { Host, LogLine, LogOptions, PullProgress } from '../../src/host/host.js';
import { entriesOf, type TarEntry, tarOf } from '../fakes/tar.js';

/** A host under test, with images that its engine can pull. */
export interface ContractWorld {
  readonly host: Host;
  /** An image reference: a web server on port 8080 that answers `/up` with 200. */
  readonly image: string;
  /** A second image with another digest. */
  readonly other: string;
  /** The image and configuration of a container. */
  config(behaviour: 'serves' | 'exits with 3' | 'ignores TERM'): {
    readonly Image: string;
    readonly Env: string[];
  };
  /** A command that prints its input, `err` on standard error, and exits with 3. */
  readonly echo: readonly string[];
  /** Prefix of all created names. */
  readonly prefix: string;
  /** Two free ports of the host. */
  readonly ports: readonly [number, number];
  close(): Promise<void>;
}

/** The contract of all hosts and engines, fake and real. */
export function hostContract(name: string, open: () => Promise<ContractWorld>): void {
  describe(`${name}, by contract,`, () => {
    let world: ContractWorld;
    let count = 0;
    const label = { 'oneclick.project': 'contract' };

    beforeAll(async () => {
      world = await open();
      await world.host.engine.pull(world.image, undefined, () => undefined);
    });
    afterAll(async () => {
      const { engine } = world.host;
      for (const container of await engine.containers())
        if (container.name.startsWith(world.prefix)) await engine.remove(container.id);
      for (const volume of await engine.volumes('oneclick.project=contract'))
        await engine.removeVolume(volume.name);
      await world.close();
    });

    const fresh = () => `${world.prefix}-${++count}`;
    async function make(
      behaviour: Parameters<ContractWorld['config']>[0] = 'serves',
      { port, step = 'one', ...host }: { port?: number; step?: string; NetworkMode?: string } = {},
      container = fresh(),
    ): Promise<string> {
      const config = world.config(behaviour);
      const published =
        port === undefined ? {} : { PortBindings: { '8080/tcp': [{ HostPort: String(port) }] } };
      await world.host.engine.create({
        name: container,
        config: {
          ...config,
          Env: [...config.Env, 'PLANTED=value'],
          Labels: { ...label, 'oneclick.step': step },
          ExposedPorts: { '8080/tcp': {} },
          HostConfig: { RestartPolicy: { Name: 'no' }, ...published, ...host },
        },
      });
      return container;
    }
    const facts = (container: string) => world.host.engine.container(container);
    async function answers(port: number, path = '/up'): Promise<number> {
      for (let attempts = 0; ; attempts += 1) {
        try {
          return (await world.host.probe({ port, path, timeout: 2000 })).status;
        } catch (error) {
          if (attempts === 20) throw error;
          await world.host.run({ argv: ['sleep', '0.1'], timeout: 2000 });
        }
      }
    }

    it('returns its version and platform', async () => {
      expect(await world.host.engine.version()).toEqual({
        version: expect.stringMatching(/^\d+\.\d+/),
        platform: expect.stringMatching(/^linux\//),
      });
    });

    describe('images', () => {
      it('resolve to the digest that a pull gets; the pull reports progress for all layers', async () => {
        const { engine } = world.host;
        const resolved = await engine.resolve(world.other, undefined);
        expect(resolved.digest).toMatch(/^sha256:[0-9a-f]{64}$/);
        let last: PullProgress | undefined;
        await engine.pull(world.other, undefined, (progress) => {
          last = progress;
        });
        if (last !== undefined) expect(last.layersDone).toBe(last.layers);
        const image = (await engine.images()).find(({ tags }) => tags.includes(world.other));
        expect(image?.digests).toContain(`${world.other.replace(/:[^:/]*$/, '')}@${resolved.digest}`);
        const exact = image?.digests[0] ?? '';
        await engine.pull(exact, undefined, () => undefined);
        expect((await engine.resolve(exact, undefined)).digest).toBe(resolved.digest);
      });

      it('that do not exist cannot be resolved, pulled or run', async () => {
        const { engine } = world.host;
        const missing = `${world.image}-missing`;
        const absent = { code: 'image.not-found' };
        await expect(engine.resolve(missing, undefined)).rejects.toMatchObject(absent);
        await expect(engine.pull(missing, undefined, () => undefined)).rejects.toMatchObject(absent);
        await expect(engine.create({ name: fresh(), config: { Image: missing } })).rejects.toMatchObject(
          absent,
        );
      });

      it('are not removed while a container uses them, and can be removed twice', async () => {
        const { engine } = world.host;
        await engine.pull(world.other, undefined, () => undefined);
        const name = fresh();
        await engine.create({
          name,
          config: { ...world.config('serves'), Image: world.other, Labels: label },
        });
        const image = (await engine.images()).find(({ tags }) => tags.includes(world.other));
        await expect(engine.removeImage(image?.id ?? '')).rejects.toMatchObject({ kind: 'failed' });
        await engine.remove(name);
        await engine.removeImage(world.other);
        await engine.removeImage(world.other);
        expect((await engine.images()).some(({ tags }) => tags.includes(world.other))).toBe(false);
      });
    });

    describe('a container', () => {
      it('returns its configuration', async () => {
        const name = await make('serves', { port: world.ports[0] });
        expect(await facts(name)).toMatchObject({
          name,
          image: world.config('serves').Image,
          state: 'created',
          restart: 'no',
          ports: [world.ports[0]],
          labels: { ...label, 'oneclick.step': 'one' },
          networks: ['bridge'],
          env: expect.arrayContaining(['PLANTED=value']),
        });
        expect((await world.host.engine.containers()).find((other) => other.name === name)).toEqual(
          await facts(name),
        );
      });

      it('is created once per step, and never replaces one of another step', async () => {
        const name = await make();
        const first = (await world.host.engine.container(name))?.id;
        await make('serves', {}, name);
        expect((await world.host.engine.container(name))?.id).toBe(first);
        await expect(make('serves', { step: 'two' }, name)).rejects.toMatchObject({
          code: 'container.name-taken',
        });
      });

      it('responds while it runs; starting or stopping it again has no effect', async () => {
        const { engine } = world.host;
        const [port] = world.ports;
        const name = await make('serves', { port });
        await engine.start(name);
        await engine.start(name);
        expect(await answers(port)).toBe(200);
        await world.host.reach(port, { timeout: 2000 });
        expect(await facts(name)).toMatchObject({
          state: 'running',
          started: expect.stringMatching(/^\d{4}-/),
        });
        expect((await engine.processOf(name))?.pid).toBeGreaterThan(0);
        await engine.stop(name, 10_000);
        await engine.stop(name, 10_000);
        expect(await facts(name)).toMatchObject({ state: 'exited', exit: 0 });
        expect(await engine.processOf(name)).not.toHaveProperty('pid');
        expect(await engine.processOf(`${name}-missing`)).toBeUndefined();
        await expect(world.host.probe({ port, path: '/up', timeout: 2000 })).rejects.toMatchObject({
          kind: 'unhealthy',
        });
        await expect(world.host.reach(port, { timeout: 2000 })).rejects.toMatchObject({ kind: 'unhealthy' });
      });

      it('cannot publish a port that is in use', async () => {
        const { engine } = world.host;
        const [, port] = world.ports;
        const [holder, name] = [await make('serves', { port }), await make('serves', { port })];
        await engine.start(holder);
        await expect(engine.start(name)).rejects.toMatchObject({ kind: 'failed', code: 'engine.port-taken' });
        await engine.stop(holder, 10_000);
        await engine.start(name);
        expect(await facts(name)).toMatchObject({ state: 'running' });
        await engine.remove(name);
      });

      it('keeps its exit code and last lines when it exits', async () => {
        const { engine } = world.host;
        const name = await make('exits with 3');
        await engine.start(name);
        expect(await engine.wait(name)).toBe(3);
        expect(await facts(name)).toMatchObject({ state: 'exited', exit: 3 });
        // The engine may reorder lines of the two outputs.
        const lines = await engine.logs(name, 50);
        expect(lines).toContainEqual(expect.stringContaining('cannot go on'));
        expect(await engine.logs(name, 1)).toEqual(lines.slice(-1));
      });

      it('keeps each line with time and stream, from a time or the last ones', async () => {
        const { engine } = world.host;
        const name = await make('exits with 3');
        await engine.start(name);
        await engine.wait(name);
        const read = async (options: Partial<LogOptions>) => {
          const lines: LogLine[] = [];
          const take = async (more: readonly LogLine[]) => void lines.push(...more);
          await engine.readLogs(name, { follow: false, ...options }, take);
          return lines;
        };
        const lines = await read({});
        expect(lines.map(({ text }) => text)).toContainEqual(expect.stringContaining('cannot go on'));
        for (const { time } of lines) expect(time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/);
        const last = lines.at(-1);
        expect(await read({ lines: 1 })).toEqual([last]);
        expect(await read({ since: last?.time ?? '' })).toContainEqual(last);
        expect(await read({ since: '2999-01-01T00:00:00Z' })).toEqual([]);
        expect(await read({ follow: true })).toEqual(lines);
      });

      it('has its logs followed until the reader stops', async () => {
        const { engine } = world.host;
        const name = await make();
        await engine.start(name);
        const enough = new AbortController();
        const take = async () => enough.abort(new Error('enough'));
        await expect(engine.readLogs(name, { follow: true }, take, enough.signal)).rejects.toThrow('enough');
      });

      it('runs commands with input, output and exit codes', async () => {
        const { engine } = world.host;
        const name = await make();
        await engine.start(name);
        const process = await engine.exec(name, world.echo, { input: true });
        await process.write(Buffer.from('in'));
        process.end();
        const output = { stdout: '', stderr: '' };
        for await (const { stream, data } of process.output) output[stream] += data.toString();
        expect([output, await process.exit()]).toEqual([{ stdout: 'in', stderr: 'err' }, 3]);
        await engine.stop(name, 1000);
        await expect(engine.exec(name, world.echo, { input: false })).rejects.toMatchObject({
          kind: 'failed',
        });
      });

      it('accepts and returns files with modes and times', async () => {
        const { engine } = world.host;
        const name = await make();
        const mtime = new Date('2020-02-02T02:02:02Z');
        const files: TarEntry[] = [
          { path: 'things/', type: 'Directory', mode: 0o750, mtime },
          { path: 'things/note', type: 'File', data: 'hello', mode: 0o640, mtime },
          { path: 'things/link', type: 'SymbolicLink', link: '/etc/passwd', mode: 0o777, mtime },
        ];
        await engine.writeFiles(name, '/', Readable.from([tarOf(files)]));
        expect(await engine.pathFacts(name, '/things')).toMatchObject({ name: 'things', isFolder: true });
        const note = { name: 'note', isFolder: false, size: 5 };
        expect(await engine.pathFacts(name, '/things/note')).toEqual(note);
        const link = { name: 'link', isFolder: false, link: '/etc/passwd' };
        expect(await engine.pathFacts(name, '/things/link')).toMatchObject(link);
        expect(await engine.pathFacts(name, '/things/nothing')).toBeUndefined();
        let found: readonly TarEntry[] = [];
        const take = async (archive: AsyncIterable<Buffer>) => {
          found = await entriesOf(archive);
        };
        for (const path of ['/things', '/things/']) {
          await engine.readFiles(name, path, take);
          expect(found).toHaveLength(3);
          expect(found).toEqual(expect.arrayContaining(files));
        }
        await engine.readFiles(name, '/things/note', take);
        expect(found).toEqual([{ ...files[1], path: 'note' }]);
      });

      it('rejects files without a directory, missing files, and stops with the reader', async () => {
        const { engine } = world.host;
        const name = await make();
        const archive = () => Readable.from([tarOf([{ path: 'a', type: 'File', data: 'a' }])]);
        const refused = { kind: 'failed', host: world.host.name };
        await expect(engine.writeFiles(name, '/no/such', archive())).rejects.toMatchObject(refused);
        await expect(engine.readFiles(name, '/no/such', async () => undefined)).rejects.toMatchObject(
          refused,
        );
        const enough = AbortSignal.abort(new Error('enough'));
        await expect(engine.writeFiles(name, '/', archive(), enough)).rejects.toThrow('enough');
        await expect(engine.readFiles(name, '/', async () => undefined, enough)).rejects.toThrow('enough');
      });

      it('is started and attached to, also on a terminal', async () => {
        const { engine } = world.host;
        for (const tty of [false, true]) {
          const name = fresh();
          const base = { ...world.config('serves'), Entrypoint: world.echo, Cmd: [], Labels: label };
          const io = { OpenStdin: true, StdinOnce: true, AttachStdin: true, AttachStdout: true };
          await engine.create({ name, config: { ...base, ...io, AttachStderr: true, Tty: tty } });
          const terminal = { columns: 80, rows: 24 };
          const process = await engine.attach(name, { input: true, ...(tty ? { terminal } : {}) });
          // Ctrl-D ends the input of a terminal.
          await process.write(Buffer.from(tty ? '\u0004' : ''));
          process.end();
          const streams = new Set<string>();
          let text = '';
          for await (const { stream, data } of process.output) {
            streams.add(stream);
            text += data.toString();
          }
          expect([await process.exit(), [...streams]]).toEqual([3, [tty ? 'stdout' : 'stderr']]);
          expect(text).toContain('err');
        }
      });

      it('is waited for until the wait is aborted', async () => {
        const { engine } = world.host;
        const name = await make();
        await engine.start(name);
        const abort = new AbortController();
        const waiting = engine.wait(name, abort.signal);
        abort.abort(new Error('enough'));
        await expect(waiting).rejects.toThrow('enough');
        const again = engine.wait(name);
        await engine.stop(name, 10_000);
        expect(await again).toBe(0);
      });

      it('is killed if it ignores its stop signal', async () => {
        const { engine } = world.host;
        const name = await make('ignores TERM');
        await engine.start(name);
        await engine.stop(name, 1000);
        expect(await facts(name)).toMatchObject({ state: 'exited', exit: 137 });
      });

      it('can change its restart policy and name', async () => {
        const { engine } = world.host;
        const [name, other, renamed] = [await make(), await make(), fresh()];
        await engine.setRestart(name, 'unless-stopped');
        await engine.rename(name, renamed);
        await engine.rename(renamed, renamed);
        expect(await facts(renamed)).toMatchObject({ name: renamed, restart: 'unless-stopped' });
        expect(await engine.container(name)).toBeUndefined();
        await expect(engine.rename(renamed, other)).rejects.toMatchObject({ code: 'container.name-taken' });
      });

      it('is restarted by its restart policy, and counts restarts', async () => {
        const { engine } = world.host;
        const name = await make('exits with 3');
        await engine.setRestart(name, 'unless-stopped');
        expect(await facts(name)).not.toHaveProperty('restarts');
        await engine.start(name);
        for (let attempts = 0; attempts < 30 && (await facts(name))?.restarts === undefined; attempts += 1)
          await world.host.run({ argv: ['sleep', '0.1'], timeout: 2000 });
        expect((await facts(name))?.restarts).toBeGreaterThan(0);
      });

      it('is removed while it runs, and can be removed twice', async () => {
        const { engine } = world.host;
        const name = await make();
        await engine.start(name);
        await engine.remove(name);
        await engine.remove(name);
        await engine.stop(name, 1000);
        expect(await engine.container(name)).toBeUndefined();
        await expect(engine.start(name)).rejects.toMatchObject({ code: 'container.not-found' });
      });

      it('joins a network with aliases, with others, and leaves it', async () => {
        const { engine } = world.host;
        const network = `${world.prefix}-net`;
        await engine.ensureNetwork(network, label);
        await engine.ensureNetwork(network, label);
        const name = await make();
        await engine.start(name);
        await engine.connect(network, name, ['web']);
        await engine.connect(network, name, ['web']);
        await engine.connect(network, name, ['web', 'api']);
        expect((await world.host.engine.container(name))?.networks).toEqual(
          expect.arrayContaining(['bridge', network]),
        );
        await engine.disconnect(network, name);
        await engine.disconnect(network, name);
        expect((await world.host.engine.container(name))?.networks).toEqual(['bridge']);
        const networks = await engine.networks();
        expect(networks).toContainEqual({ name: 'bridge', labels: {} });
        expect(networks).toContainEqual({ name: network, labels: label });
        await engine.remove(name);
      });
    });

    it('replaces the name of a container on a network of names, which keeps its address', async () => {
      const { engine } = world.host;
      const network = `${world.prefix}-names`;
      expect(await engine.fixedSubnet(network)).toBeUndefined();
      await engine.ensureNamesNetwork(network, label);
      const subnet = await engine.fixedSubnet(network);
      await engine.ensureNamesNetwork(network, label);
      expect(await engine.fixedSubnet(network)).toBe(subnet);
      const name = await make();
      const address = fixedAddress(subnet ?? '', name, new Set());
      await engine.connect(network, name, [], address);
      await engine.start(name);
      expect(await engine.container(name)).toMatchObject({ addresses: { [network]: address } });
      expect((await engine.container(name))?.aliases?.[network]).toBeUndefined();
      await engine.connect(network, name, ['web']);
      expect(await engine.container(name)).toMatchObject({
        ...{ addresses: { [network]: address }, aliases: { [network]: ['web'] } },
      });
      await engine.connect(network, name, []);
      expect(await engine.container(name)).toMatchObject({ addresses: { [network]: address } });
      expect((await engine.container(name))?.aliases?.[network]).toBeUndefined();
      await engine.remove(name);
    });

    it('creates missing volumes of a container without labels, and lists them', async () => {
      const { engine } = world.host;
      const [name, volume] = [fresh(), fresh()];
      const Binds = [`${volume}:/data`, '/tmp:/host'];
      await engine.create({ name, config: { ...world.config('serves'), Labels: {}, HostConfig: { Binds } } });
      for (const found of [
        await engine.container(name),
        (await engine.containers()).find((one) => one.name === name),
      ])
        expect(found?.volumes).toEqual([volume]);
      expect(await engine.volumes()).toContainEqual({ name: volume, labels: {} });
      await engine.remove(name);
      await engine.removeVolume(volume);
    });

    it('keeps volumes with their labels', async () => {
      const { engine } = world.host;
      const name = fresh();
      const volume = { name, labels: { ...label, 'oneclick.log': 'a/b' } };
      expect(await engine.ensureVolume(name, volume.labels)).toEqual(volume);
      expect(await engine.ensureVolume(name, {})).toEqual(volume);
      expect(await engine.volumes()).toContainEqual(volume);
      const found = (await engine.volumes('oneclick.log=a/b')).filter((volume) => volume.name === name);
      expect(found).toEqual([{ name, labels: { ...label, 'oneclick.log': 'a/b' } }]);
      expect((await engine.volumes('oneclick.log')).some((volume) => volume.name === name)).toBe(true);
      await engine.removeVolume(name);
      await engine.removeVolume(name);
      expect((await engine.volumes('oneclick.log')).some((volume) => volume.name === name)).toBe(false);
    });

    it('forwards a port to this process, once at a time, until it ends', async () => {
      const { host } = world;
      const [port] = world.ports;
      const server = createServer((request, response) =>
        response.writeHead(207).end(`requested ${request.url}`),
      );
      const onConnection = (connection: Duplex) => server.emit('connection', connection);
      const forwarded = await host.forwardPort(port, onConnection);
      const request = { port, path: '/v2/', timeout: 2000 };
      for (const attempt of [1, 2])
        expect([attempt, await host.probe(request)]).toMatchObject([
          attempt,
          { status: 207, body: 'requested /v2/' },
        ]);
      await expect(host.forwardPort(port, onConnection)).rejects.toMatchObject({
        code: 'lend.taken',
        host: host.name,
      });
      forwarded.end();
      await expect(host.probe(request)).rejects.toMatchObject({ kind: 'unhealthy' });
      (await host.forwardPort(port, onConnection)).end();
      forwarded.end();
    });

    it("returns a command's code and output, with unchanged arguments and input", async () => {
      const script = 'printf "%s" "$1"; cat; printf "%s" "$NAME" >&2; exit 3';
      const argv = ['sh', '-c', script, 'sh', "it's $HOME\n"];
      const answer = await world.host.run({ argv, stdin: 'in"put', env: { NAME: 'a b' }, timeout: 5000 });
      expect(answer).toEqual({ code: 3, stdout: 'it\'s $HOME\nin"put', stderr: 'a b' });
    });

    it('fails for a command that is killed or times out', async () => {
      const kill = world.host.run({ argv: ['sh', '-c', 'kill -9 $$'], timeout: 5000 });
      await expect(kill).rejects.toMatchObject({ kind: 'failed', code: 'host.signal' });
      const slow = world.host.run({ argv: ['sleep', '30'], timeout: 100 });
      await expect(slow).rejects.toMatchObject({ kind: 'failed', code: 'host.timeout' });
    });
  });
}
