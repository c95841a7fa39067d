import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { verifyRecipes } from '../recipe/load.js';
import { tasks } from '../tasks/registry.js';
import { shippedRecipes } from './recipe-sources.js';
import { verifiedRecipesFile } from './verified-recipes.js';

/* A step of the build: checks the recipes that ship, so that no command has to do it again. */
const packageDir = fileURLToPath(new URL('../..', import.meta.url));
const vouched = await verifyRecipes([shippedRecipes({ packageDir })], tasks);
writeFileSync(join(packageDir, verifiedRecipesFile), JSON.stringify(vouched));
