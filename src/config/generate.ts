import { writeFileSync } from 'node:fs';
import { generatedFiles } from './reference.js';

/* Entry point of `npm run generate`. */
for (const [path, text] of generatedFiles()) writeFileSync(new URL(`../../${path}`, import.meta.url), text);
