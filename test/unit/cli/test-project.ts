import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { jest } from '@jest/globals';
import type { Context } from '../../../src/app/context.js';
import { program } from '../../../src/cli/program.js';
import { Failure } from '../../../src/domain/failure.js';
import { testContext } from '../../fakes/context.js';

const exec = promisify(execFile);

/** Records its arguments and variables; files next to it control its behavior. */
const fakeDocker = `#!/bin/sh
here=$(dirname "$0")
echo "$@" >>"$here/calls"
case "$1 $2" in
  "version --format") [ -e "$here/dead" ] && { echo 'Cannot connect to the Docker daemon' >&2; exit 1; }
    echo '{"Client":{"Version":"28.0.0"},"Server":{"Version":"27.0.0"}}' ;;
  "buildx version") [ -e "$here/buildx" ] || exit 1 ;;
  "manifest inspect") [ -e "$here/there" ] || exit 1 ;;
  build*) echo "kit $DOCKER_BUILDKIT token $TOKEN" >>"$here/calls"; echo "step 1 $TOKEN"; echo 'step 2' >&2
    [ -e "$here/helperless" ] && { echo 'ERROR: error getting credentials - err: exec: "docker-credential-desktop": executable file not found in $PATH' >&2; exit 1; }
    [ -e "$here/baseless" ] && { echo 'ERROR: failed to solve: ghcr.io/acme/base: failed to resolve source metadata for ghcr.io/acme/base:1: unauthorized' >&2; exit 1; }
    [ -e "$here/broken" ] && { echo 'RUN make: no such file' >&2; exit 17; }; exit 0 ;;
  push*) [ -e "$here/denied" ] && { echo 'denied: requested access to the resource is denied' >&2; exit 1; }; exit 0 ;;
  save*) [ -e "$here/full" ] && { echo 'write /dev/stdout: no space left on device' >&2; exit 1; }; cat "$here/saved" ;;
esac
`;

/** A project in a git repository, with a fake docker and captured output. */
export class TestProject {
  readonly folder: string;
  readonly screen = { out: '', error: '' };
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
        this.screen[to] += String(text);
        return true;
      });
  }

  static async open(config: string): Promise<TestProject> {
    const project = new TestProject(await mkdtemp(join(tmpdir(), 'project-')));
    await mkdir(project.folder);
    await mkdir(project.#bin);
    await writeFile(join(project.#bin, 'docker'), fakeDocker);
    await chmod(join(project.#bin, 'docker'), 0o755);
    await project.write('oneclick.yml', config);
    await project.git('init', '--quiet');
    await project.commit();
    return project;
  }

  write(name: string, text: string): Promise<void> {
    return writeFile(join(this.folder, name), text);
  }

  async git(...words: readonly string[]): Promise<string> {
    const own = ['-c', 'user.name=me', '-c', 'user.email=me@here'];
    return (await exec('git', ['-C', this.folder, ...own, ...words])).stdout.trim();
  }

  /** Commits everything and returns the short commit. */
  async commit(): Promise<string> {
    await this.git('add', '--all');
    await this.git('commit', '--quiet', '--message', 'a change');
    return this.git('rev-parse', '--short=12', 'HEAD');
  }

  /** Sets a state of docker: `dead`, `buildx`, `there`, `broken`, `denied` or `full`. */
  docker(state: string): Promise<void> {
    return writeFile(join(this.#bin, state), '');
  }

  /** Sets the output of `docker save`. */
  save(archive: Buffer): Promise<void> {
    return writeFile(join(this.#bin, 'saved'), archive);
  }

  removeDocker(): Promise<void> {
    return rm(join(this.#bin, 'docker'));
  }

  setVariables(env: Readonly<Record<string, string>>): void {
    this.#env = env;
  }

  /** The arguments of all docker calls, except version checks. */
  async calls(): Promise<readonly string[]> {
    const text = await readFile(join(this.#bin, 'calls'), 'utf8').catch(() => '');
    return text.split('\n').filter((line) => line !== '' && !/^(buildx )?version/.test(line));
  }

  run(...argv: readonly string[]): Promise<number> {
    return program(async () => this.#context(), argv);
  }

  async failure(...argv: readonly string[]): Promise<Failure> {
    const error = await this.run(...argv).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    if (error instanceof Failure) return error;
    throw new Error('expected a failure', { cause: error });
  }

  async close(): Promise<void> {
    jest.restoreAllMocks();
    await rm(join(this.folder, '..'), { recursive: true, force: true });
  }

  #context(): Context {
    return testContext({
      cwd: this.folder,
      env: { NO_COLOR: '1', PATH: `${this.#bin}:/usr/bin:/bin`, ...this.#env },
      home: join(this.folder, '..'),
      stateDir: join(this.folder, '../state'),
      configDir: join(this.folder, '../config'),
    });
  }
}
