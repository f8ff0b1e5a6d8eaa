import { join } from 'node:path';
import { COMMANDS, commandsBuilt } from '../commands.ts';
import type { Suite } from '../result.ts';
import { bootStorm } from './boot-storm.ts';
import { buildGenerator } from './generator.ts';
import { growth } from './growth.ts';

/**
 * What is measured from outside, at servers in processes of their own: the boot storm, and the site
 * that grows. Without Go, whose program makes the load, there is neither, and one row says so.
 *
 * @param folder empty; the workers of nginx and Apache, another user, must be able to enter it
 * @throws Error with the first wrong answer
 */
export async function stormSuites(folder: string): Promise<{ storm: Suite[]; growth: Suite[] }> {
  try {
    const generator = buildGenerator(folder);
    await commandsBuilt();
    const place = (name: string) => ({ folder: join(folder, name), commands: COMMANDS, generator });
    console.error('measuring boot storms');
    const storm = await bootStorm({ ...place('boots'), nodes: 1000, parallel: 50, rounds: 3 });
    const sizes = [100, 1000, 10_000];
    console.error('measuring a site that grows');
    const grown = await growth({ ...place('growth'), sizes, newcomers: 200 });
    return { storm: [storm], growth: [grown] };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).path !== 'go') throw error;
    const note = 'Go is not installed, which the load generator is built by';
    const absent = { title: 'Boot storm', unit: 'nodes/s', rows: [{ name: 'all servers', note }] };
    return { storm: [absent], growth: [] };
  }
}
