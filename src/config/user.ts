import type { Files } from './files.js';

/** What a person has decided for all projects. */
export interface UserSettings {
  readonly environment?: string;
  readonly plain?: boolean;
  readonly quiet?: boolean;
  readonly verbose?: boolean;
  readonly color?: boolean;
  readonly input?: boolean;
}

/** What the user's own file says; nothing where there is none, and then nothing heavy is loaded. Throws a usage failure. */
export async function userSettings(files: Files, path: string): Promise<UserSettings> {
  const text = await files.read(path);
  if (text === undefined || text.trim() === '') return {};
  const { readUserFile } = await import('./user-file.js');
  return readUserFile(path, text);
}
