import { Failure } from '../domain/failure.js';
import type { Problem } from '../domain/problem.js';
import { valueAt } from '../domain/schema-problems.js';
import type { Path, Source } from '../domain/source.js';
import { interpolate, type Variables } from './interpolate.js';
import { merge } from './merge.js';
import { ParseError } from './parsers.js';
import type { WrittenEnvironment, WrittenProject } from './schema.js';
import type { WrittenService } from './service.js';

/** An environment as written, and where in which file it stands. */
export interface EnvironmentLayer {
  readonly name: string;
  readonly source: Source;
  readonly at: Path;
  /** Where its relative paths start. */
  readonly folder: string;
  readonly written: WrittenEnvironment;
}

/** A project as written. */
export interface ProjectLayer {
  readonly source: Source;
  readonly folder: string;
  readonly written: WrittenProject;
}

/** Where a value comes from. */
interface SourcePlace {
  readonly source: Source;
  readonly path: Path;
}

type Options = Parameters<Source['problem']>[2];

/** A project under one of its environments: what was said where, and what is wrong about it. */
export class Layers {
  readonly problems: Problem[] = [];
  readonly warnings: Problem[] = [];
  /** Undefined: variables are not looked at, and what depends on them is not judged. */
  readonly variables: Variables | undefined;
  readonly project: ProjectLayer;
  readonly environment: EnvironmentLayer;

  constructor(project: ProjectLayer, environment: EnvironmentLayer, variables: Variables | undefined) {
    this.project = project;
    this.environment = environment;
    this.variables = variables;
  }

  /** The names of the services that are part of this environment. */
  get services(): readonly string[] {
    const over = this.environment.written.services;
    return Object.keys(this.project.written.services).filter((name) => over?.[name] !== null);
  }

  /** A service as written, with what this environment changes. */
  service(name: string): WrittenService {
    const { hosts: _, ...over } = this.environment.written.services?.[name] ?? {};
    return merge(this.project.written.services[name] ?? {}, over);
  }

  /** Where the value of a key is said: in the environment, else in the project. */
  place(path: Path): SourcePlace {
    const { source, at } = this.environment;
    const inEnvironment = (part: Path) => valueAt(source.value, [...at, ...part]) !== undefined;
    const inProject = valueAt(this.project.source.value, path) !== undefined;
    const top = path[0] === 'services' ? 3 : 1;
    return inEnvironment(path) || (!inProject && path.length >= top && inEnvironment(path.slice(0, top)))
      ? { source, path: [...at, ...path] }
      : { source: this.project.source, path };
  }

  report(path: Path, message: string, options?: Options): void {
    const place = this.place(path);
    this.problems.push(place.source.problem(place.path, message, options));
  }

  /** About something that only the environment says: its hosts, and what runs on them. */
  reportEnvironment(path: Path, message: string, options?: Options): void {
    this.problems.push(this.environment.source.problem([...this.environment.at, ...path], message, options));
  }

  warn(path: Path, message: string): void {
    const place = this.place(path);
    this.warnings.push(place.source.problem(place.path, message));
  }

  /**
   * The text with its variables put in; undefined when it is not known: because variables are not looked at, or one is unset, which is
   * then reported.
   */
  put(text: string, report: (message: string) => void): string | undefined {
    const { variables } = this;
    if (variables === undefined) return text.includes('$') ? undefined : text;
    return this.attempt(() => interpolate(text, variables), report);
  }

  /** The result, or undefined when the text was refused, which is then reported. */
  attempt<T>(read: () => T, report: (message: string) => void): T | undefined {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof ParseError || (error instanceof Failure && error.kind === 'usage'))) throw error;
      report(error.message);
      return undefined;
    }
  }
}
