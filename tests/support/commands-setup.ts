import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { buildCommands } from '../../scripts/commands.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** The folder of the two commands, built once for the whole run. */
    commands: string;
  }
}

export default async function setup(project: TestProject): Promise<() => void> {
  // Below node_modules, where they find the packages that they are published with.
  const cache = join(process.cwd(), 'node_modules', '.cache', 'coatcheck-test');
  const folder = join(cache, String(process.pid));
  await buildCommands(folder);
  project.provide('commands', folder);
  return () => {
    rmSync(folder, { recursive: true, force: true });
  };
}
