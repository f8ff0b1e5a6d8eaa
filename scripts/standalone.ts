import { join } from 'node:path';
import { buildStandalone } from './commands.ts';

await buildStandalone(join('node_modules', '.cache', 'coatcheck-standalone'));
