import type { Files } from './files.js';
import type { UserSettings } from './user-file.js';

/** What the user's own file says; nothing where there is none, and then nothing heavy is loaded. Throws a usage failure. */
export async function userSettings(files: Files, path: string): Promise<UserSettings> {
  const text = await files.read(path);
  if (text === undefined || text.trim() === '') return {};
  const { readUserFile } = await import('./user-file.js');
  return readUserFile(path, text);
}
