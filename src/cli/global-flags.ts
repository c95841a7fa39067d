import type { SettingSources } from '../domain/precedence.js';
import type { ProjectFile } from '../report/hints.js';
import type { Detail } from '../report/reporter.js';

/** The global flags as typed; absent if not given. */
export interface TypedGlobals {
  readonly json?: boolean;
  readonly plain?: boolean;
  readonly quiet?: boolean;
  readonly verbose?: boolean;
  readonly color?: boolean;
  readonly input?: boolean;
  readonly file?: string;
}

/** The global settings of a command: flags, variables and the user's file combined. */
export interface Globals {
  readonly json: boolean;
  readonly plain: boolean;
  readonly detail: Detail;
  /** Whether the user may be prompted. */
  readonly input: boolean;
  /** If absent, only terminals get color. */
  readonly color?: boolean;
  readonly file?: string;
  /** The same file, for hints. */
  readonly projectFile?: ProjectFile;
  /** The environment named by a variable or the user's file. */
  readonly environment: Pick<SettingSources<string>, 'variable' | 'user'>;
}
