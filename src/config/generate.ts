import { writeFileSync } from 'node:fs';
import { generatedFiles } from './reference.js';

/* `npm run generate`: writes the generated files into the package that this is run in. */
for (const [path, text] of generatedFiles()) writeFileSync(new URL(`../../${path}`, import.meta.url), text);
