import type { Files } from '../../../src/config/files.js';
import type { Setting } from '../../../src/config/load.js';

/** Files that are only in memory. */
export function memoryFiles(texts: Readonly<Record<string, string>>): Files {
  return {
    read: async (path) => (Object.hasOwn(texts, path) ? texts[path] : undefined),
    list: async (folder) =>
      Object.keys(texts)
        .filter((path) => path.startsWith(`${folder}/`))
        .map((path) => path.slice(folder.length + 1)),
  };
}

/** The setting of a person in `/project` with these files and variables. */
export function settingOf(
  texts: Readonly<Record<string, string>>,
  variables: Readonly<Record<string, string>> = {},
): Setting {
  return {
    files: memoryFiles(texts),
    cwd: '/project',
    home: '/home/me',
    environmentsDir: '/state/environments',
    variables,
  };
}
