import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { verifyRecipes } from '../recipe/load.js';
import { tasks } from '../tasks/registry.js';
import { shippedRecipes } from './recipe-sources.js';
import { verifiedRecipesFile } from './verified-recipes.js';

/* A step of the build: verifies the shipped recipes, so that commands need not. */
const packageDir = fileURLToPath(new URL('../..', import.meta.url));
const verified = await verifyRecipes([shippedRecipes({ packageDir })], tasks);
writeFileSync(join(packageDir, verifiedRecipesFile), JSON.stringify(verified));
