import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, jest } from '@jest/globals';
import fc from 'fast-check';
import { nextCommand } from '../../../src/app/next-command.js';
import { Failure } from '../../../src/domain/failure.js';
import { current, releaseLog } from '../../../src/domain/log.js';
import { at, Fleet, serviceOn } from '../tasks/fleet.js';

// Slow on a busy machine.
jest.setTimeout(120_000);

const web = serviceOn('web', 8080, { count: 2 });
const api = serviceOn('api', 9090, { count: 2 });
const both = [web, api];

/** Something that happens to an environment. */
type Move =
  | {
      readonly kind: 'deploy';
      readonly names: readonly string[];
      readonly dies?: number;
      readonly loses?: string;
    }
  | { readonly kind: 'return' }
  | { readonly kind: 'resume'; readonly revert: boolean; readonly dies?: number };

const names = fc.constantFrom(['web'], ['api'], ['web', 'api']);
const host = fc.constantFrom('host-1', 'host-2');
const events = fc.integer({ min: 1, max: 75 });
const interrupted: fc.Arbitrary<Move> = fc.oneof(
  fc.record({ kind: fc.constant('deploy' as const), names, dies: events }),
  fc.record({ kind: fc.constant('deploy' as const), names, loses: host }),
);
const others: fc.Arbitrary<readonly Move[]> = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant('deploy' as const), names, dies: events }),
    fc.record({ kind: fc.constant('deploy' as const), names, loses: host }),
    fc.record({ kind: fc.constant('deploy' as const), names }),
    fc.record({ kind: fc.constant('return' as const) }),
    fc.record({ kind: fc.constant('resume' as const), revert: fc.boolean() }),
    fc.record({ kind: fc.constant('resume' as const), revert: fc.boolean(), dies: fc.nat({ max: 20 }) }),
  ),
  { maxLength: 3 },
);
const moves = fc.tuple(interrupted, others).map(([first, rest]) => [first, ...rest]);
/** Dies before and during the commit; then one of the two services is released. */
const partlySuperseded: readonly [Move[]][] = [40, 54].map((dies) => [
  [
    { kind: 'deploy', names: ['web', 'api'], dies },
    { kind: 'deploy', names: ['web'] },
  ],
]);

/** An environment with both services on release 1, and the versions that it deploys next. */
class Environment {
  readonly fleet: Fleet;
  /** Hosts that were lost at any time. */
  readonly lost = new Set<string>();
  #versions = 1;

  constructor(folder: string) {
    this.fleet = new Fleet(2, { folder });
    for (const { name } of both) this.fleet.push(name, 'v1');
  }

  /** Deploys a new version, unless a host cannot be reached. */
  async deploy(names: readonly string[], dies?: number): Promise<void> {
    const tag = `v${++this.#versions}`;
    for (const name of names) this.fleet.push(name, tag);
    const services = both.filter(({ name }) => names.includes(name)).map((service) => at(service, tag));
    await ignoringFailures(this.fleet.run('deploy', services, {}, dies));
  }

  async move(move: Move): Promise<void> {
    if (move.kind === 'return') return this.fleet.down.clear();
    if (move.kind === 'resume')
      return ignoringFailures(
        this.fleet.resume(move.revert, undefined, move.dies === undefined ? {} : { diesAfter: move.dies }),
      );
    const { loses } = move;
    if (loses === undefined) return this.deploy(move.names, move.dies);
    let isArmed = true;
    this.fleet.host('host-2').engine.faults.before('start', () => {
      if (!isArmed) return;
      this.lost.add(loses);
      this.fleet.lose(loses);
    });
    await this.deploy(move.names);
    isArmed = false;
  }

  /** Runs a command as printed; returns the command that it names next, if any. */
  async type(command: string): Promise<string | undefined> {
    const [, verb, ...args] = command.split(' ');
    if (verb === 'deploy') {
      await this.deploy(args);
      return undefined;
    }
    if (verb !== 'resume') throw new Error(`no way out: ${command}`);
    const without = args.flatMap((arg, index) => (arg === '--without' ? (args[index + 1] ?? []) : []));
    const id = args[0]?.startsWith('--') ? undefined : args[0];
    try {
      const result = await this.fleet.resume(args.includes('--revert'), id, { without });
      if (result.kind === 'blocked') return commandIn(result.next);
      if (result.kind !== 'ran') throw new Error(`unexpected result: ${result.kind}`);
      const { outcome } = result.report;
      const isOver = outcome.exitCode === 0 || outcome.result === 'reverted';
      return isOver ? undefined : commandIn(nextCommand(result.report));
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      if (error.code === 'resume.none') return 'done';
      return commandIn(error.hint);
    }
  }

  /** Types the commands that are named until no run is left; returns them. */
  async leave(): Promise<readonly string[]> {
    const typed: string[] = [];
    for (let next: string | undefined; next !== 'done'; next = await this.type(typed.at(-1) ?? '')) {
      typed.push(next ?? 'oneclick resume');
      if (typed.length > 20) throw new Error(`no way out: ${typed.join('; ')}`);
    }
    return typed;
  }

  /** The tags that run on a host, and those of its current releases. */
  async compare(services = both): Promise<{ running: readonly string[]; wanted: readonly string[] }> {
    const down = new Set(this.fleet.down);
    this.fleet.down.clear();
    const facts = await this.fleet.facts(services);
    for (const name of down) this.fleet.down.add(name);
    const reliable = ['host-1', 'host-2'].filter((name) => !this.lost.has(name));
    const wanted = reliable.flatMap((name) =>
      services.map((service) => {
        const reference = current(releaseLog(facts, service.name))?.release.reference ?? '';
        return `${name} ${service.name} ${reference.split(':').at(-1)} unless-stopped`;
      }),
    );
    const running = this.fleet.runningTags().filter((line) => reliable.some((name) => line.startsWith(name)));
    return { running, wanted: wanted.sort() };
  }
}

async function ignoringFailures(work: Promise<unknown>): Promise<void> {
  await work.catch((error: unknown) => {
    if (!(error instanceof Failure)) throw error;
  });
}

/** The first command in a hint. */
function commandIn(text: string | undefined): string {
  const [command] = /oneclick [a-z]+( (--)?[a-z0-9-]+)*/.exec(text ?? '') ?? [];
  if (command === undefined) throw new Error(`no command in: ${text}`);
  return command;
}

it('every state has a command that leads out, and each refusal and report names it', async () => {
  await fc.assert(
    fc.asyncProperty(moves, async (chosen) => {
      const folder = await mkdtemp(join(tmpdir(), 'oneclick-way-out-'));
      try {
        const environment = new Environment(folder);
        await environment.fleet.deploy(...both);
        for (const move of chosen) await environment.move(move);
        await environment.leave();
        const { running, wanted } = await environment.compare();
        expect(running).toEqual(wanted);
        environment.fleet.down.clear();
        environment.lost.clear();
        await environment.deploy(['web', 'api']);
        const end = await environment.compare();
        expect(end.running).toEqual(end.wanted);
        expect(environment.fleet.open).toEqual([]);
      } finally {
        await rm(folder, { recursive: true });
      }
    }),
    { numRuns: 12, examples: [...partlySuperseded] },
  );
});
