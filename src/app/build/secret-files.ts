import { join, relative, sep } from 'node:path';
import { type Files, shortPath } from '../../config/files.js';
import { runsDir } from '../runs.js';
import { isIgnored } from './dockerignore.js';

/** Files that may contain secrets and are in a build context, so that `COPY . .` puts them into the image. */
export interface SecretFiles {
  readonly services: readonly string[];
  /** The file that should exclude them; absolute. */
  readonly ignoreFile: string;
  /** The missing lines: `.oneclick/runs`, `.env.production`. */
  readonly lines: readonly string[];
}

/** The project to check, and how its images are built. */
export interface SecretFilesRequest {
  readonly folder: string;
  readonly environment: string;
  readonly targets: readonly {
    readonly services: readonly string[];
    readonly source: { readonly context: string; readonly dockerfile?: string | undefined };
  }[];
  readonly files: Files;
  /** Whether the builder reads `Dockerfile.dockerignore`, as BuildKit does. */
  readonly isBuildKit: boolean;
}

/** Returns the build contexts that contain run journals or the environment's file of secrets. */
export async function secretFiles(request: SecretFilesRequest): Promise<readonly SecretFiles[]> {
  const { targets, files, isBuildKit } = request;
  const found = await pathsOf(request);
  const checked = await Promise.all(
    targets.map(async ({ services, source: { context, dockerfile = 'Dockerfile' } }) => {
      const general = join(context, '.dockerignore');
      const own = join(context, `${dockerfile}.dockerignore`);
      const ownText = isBuildKit ? await files.read(own) : undefined;
      const text = ownText ?? (await files.read(general)) ?? '';
      const lines = found.flatMap(({ path, example }) => {
        const inContext = relative(context, example).split(sep).join('/');
        const isShipped = !inContext.startsWith('../') && !isIgnored(text, inContext);
        return isShipped ? [relative(context, path).split(sep).join('/')] : [];
      });
      return { services, ignoreFile: ownText === undefined ? general : own, lines };
    }),
  );
  return checked.filter(({ lines }) => lines.length > 0);
}

/** Paths to exclude that exist, each with a file that they contain. */
async function pathsOf({ folder, environment, files }: SecretFilesRequest) {
  const runs = runsDir({ folder });
  const [journals, names] = await Promise.all([files.list(runs), files.list(folder)]);
  const journal = journals.find((name) => name.endsWith('.jsonl'));
  const env = names.find((name) => name === `.env.${environment}`);
  return [
    ...(journal === undefined ? [] : [{ path: runs, example: join(runs, journal) }]),
    ...(env === undefined ? [] : [{ path: join(folder, env), example: join(folder, env) }]),
  ];
}

/** The warning for {@link SecretFiles}. */
export function secretFilesWarning({ services, ignoreFile, lines }: SecretFiles, cwd: string): string {
  const [them, what] = [lines.length === 1 ? 'it' : 'them', lines.join(' and ')];
  const file = shortPath(ignoreFile, cwd);
  return `the build context of ${services.join(', ')} includes ${what}, which may contain secrets: add ${them} to ${file}`;
}
