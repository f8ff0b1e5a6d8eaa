import { buildCommands } from './commands.ts';

await buildCommands('dist');
