import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { vouchFor } from '../recipe/load.js';
import { tasks } from '../tasks/registry.js';
import { shippedRecipes } from './perform.js';
import { vouchedFile } from './vouched.js';

/* A step of the build: checks the recipes that ship, so that no command has to do it again. */
const packageDir = fileURLToPath(new URL('../..', import.meta.url));
const vouched = await vouchFor([shippedRecipes({ edge: { packageDir } })], tasks);
writeFileSync(join(packageDir, vouchedFile), JSON.stringify(vouched));
