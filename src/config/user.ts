import type { Files } from './files.js';
import type { UserSettings } from './user-file.js';

/** Reads the user's file; without one, does not load the parser. Throws a usage failure. */
export async function userSettings(files: Files, path: string): Promise<UserSettings> {
  const text = await files.read(path);
  if (text === undefined || text.trim() === '') return {};
  const { readUserFile } = await import('./user-file.js');
  return readUserFile(path, text);
}
