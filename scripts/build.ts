import { join } from 'node:path';
import { buildCommands } from './commands.ts';
import { buildLibrary } from './library.ts';

await buildCommands('dist');
await buildLibrary(join('dist', 'lib'));
