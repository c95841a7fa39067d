import { join } from 'node:path';
import type { Context } from '../../../app/context.js';
import { localFiles } from '../../../config/files.js';
import { Failure } from '../../../domain/failure.js';

/** Reads a file in the package's `schema` folder. Throws a Failure if it is missing. */
export async function shippedFile({ packageDir }: Context, name: string): Promise<string> {
  const path = join(packageDir, 'schema', name);
  const text = await localFiles.read(path);
  if (text === undefined)
    throw new Failure('failed', 'package.incomplete', `${path} is missing`, { hint: 'reinstall oneclick' });
  return text;
}
