import { buildCommands } from '../scripts/commands.ts';

/** The folder of the built commands: below node_modules, where they find the packages that they are published with. */
export const COMMANDS = 'node_modules/.cache/coatcheck-bench';

let built: Promise<void> | undefined;

/** Builds them, once for all that is measured. */
export const commandsBuilt = (): Promise<void> => (built ??= buildCommands(COMMANDS));
