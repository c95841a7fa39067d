import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { jest } from '@jest/globals';
import type { Context } from '../../../src/app/context.js';
import { program } from '../../../src/cli/program.js';
import { Failure } from '../../../src/domain/failure.js';
import { Redaction } from '../../../src/domain/redact.js';
import { offline } from '../../fakes/adapters.js';
import { MovableClock } from '../../fakes/clock.js';

const exec = promisify(execFile);

/** Says its words and what it was told by environment, and does as the files beside it say. */
const fakeDocker = `#!/bin/sh
here=$(dirname "$0")
echo "$@" >>"$here/calls"
case "$1 $2" in
  "version --format") [ -e "$here/dead" ] && { echo 'Cannot connect to the Docker daemon' >&2; exit 1; }
    echo '{"Client":{"Version":"28.0.0"},"Server":{"Version":"27.0.0"}}' ;;
  "buildx version") [ -e "$here/buildx" ] || exit 1 ;;
  "manifest inspect") [ -e "$here/there" ] || exit 1 ;;
  build*) echo "kit $DOCKER_BUILDKIT token $TOKEN" >>"$here/calls"; echo "step 1 $TOKEN"; echo 'step 2' >&2
    [ -e "$here/broken" ] && { echo 'RUN make: no such file' >&2; exit 17; }; exit 0 ;;
  push*) [ -e "$here/denied" ] && { echo 'denied: requested access to the resource is denied' >&2; exit 1; }; exit 0 ;;
  save*) [ -e "$here/full" ] && { echo 'write /dev/stdout: no space left on device' >&2; exit 1; }; cat "$here/saved" ;;
esac
`;

/** A project in a git repository, a docker that is none, and what was said on the screen. */
export class Workshop {
  readonly folder: string;
  readonly said = { out: '', error: '' };
  readonly #bin: string;
  #env: Readonly<Record<string, string>> = {};

  private constructor(folder: string) {
    this.folder = join(folder, 'shop');
    this.#bin = join(folder, 'bin');
    for (const [stream, to] of [
      [process.stdout, 'out'],
      [process.stderr, 'error'],
    ] as const)
      jest.spyOn(stream, 'write').mockImplementation((text) => {
        this.said[to] += String(text);
        return true;
      });
  }

  static async open(config: string): Promise<Workshop> {
    const shop = new Workshop(await mkdtemp(join(tmpdir(), 'workshop-')));
    await mkdir(shop.folder);
    await mkdir(shop.#bin);
    await writeFile(join(shop.#bin, 'docker'), fakeDocker);
    await chmod(join(shop.#bin, 'docker'), 0o755);
    await shop.put('oneclick.yml', config);
    await shop.git('init', '--quiet');
    await shop.commit();
    return shop;
  }

  put(name: string, text: string): Promise<void> {
    return writeFile(join(this.folder, name), text);
  }

  async git(...words: readonly string[]): Promise<string> {
    const own = ['-c', 'user.name=me', '-c', 'user.email=me@here'];
    return (await exec('git', ['-C', this.folder, ...own, ...words])).stdout.trim();
  }

  /** Commits everything, and gives the short commit. */
  async commit(): Promise<string> {
    await this.git('add', '--all');
    await this.git('commit', '--quiet', '--message', 'a change');
    return this.git('rev-parse', '--short=12', 'HEAD');
  }

  /** From now on docker is like this: `dead`, `buildx`, `there`, `broken`, `denied`, `full`. */
  docker(state: string): Promise<void> {
    return writeFile(join(this.#bin, state), '');
  }

  /** What `docker save` writes. */
  save(archive: Buffer): Promise<void> {
    return writeFile(join(this.#bin, 'saved'), archive);
  }

  removeDocker(): Promise<void> {
    return rm(join(this.#bin, 'docker'));
  }

  setVariables(env: Readonly<Record<string, string>>): void {
    this.#env = env;
  }

  /** What docker was called with, but for the questions about itself. */
  async calls(): Promise<readonly string[]> {
    const text = await readFile(join(this.#bin, 'calls'), 'utf8').catch(() => '');
    return text.split('\n').filter((line) => line !== '' && !/^(buildx )?version/.test(line));
  }

  run(...argv: readonly string[]): Promise<number> {
    return program(async () => this.#edge(), argv);
  }

  async refusal(...argv: readonly string[]): Promise<Failure> {
    const error = await this.run(...argv).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    if (error instanceof Failure) return error;
    throw new Error('it did not fail', { cause: error });
  }

  async close(): Promise<void> {
    jest.restoreAllMocks();
    await rm(join(this.folder, '..'), { recursive: true, force: true });
  }

  #edge(): Context {
    return {
      cwd: this.folder,
      env: { NO_COLOR: '1', PATH: `${this.#bin}:/usr/bin:/bin`, ...this.#env },
      home: join(this.folder, '..'),
      user: 'me',
      who: 'me@here',
      clock: new MovableClock(),
      redaction: new Redaction(),
      adapters: offline,
      random: () => 0,
      runId: () => '000000',
      stateDir: join(this.folder, '../state'),
      configDir: join(this.folder, '../config'),
      packageDir: new URL('../../..', import.meta.url).pathname,
    };
  }
}
