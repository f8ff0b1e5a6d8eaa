import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { MARK } from './guest/orders.ts';

/** A program of `guest/` in one file, which needs nothing but Node. */
export async function guestProgram(name: string): Promise<string> {
  const { outputFiles } = await build({
    ...{ bundle: true, write: false, platform: 'node', target: 'node20.19', format: 'esm' },
    entryPoints: [join(import.meta.dirname, 'guest', `${name}.ts`)],
    logLevel: 'warning',
  });
  return outputFiles[0]!.text;
}

/** QEMU's arguments for a second serial line of a machine, on which a program of `guest/` speaks. @param file of what it says */
export const secondLine = (file: string): string[] => [
  ...['-chardev', `file,id=second,path=${file}`],
  ...['-device', 'isa-serial,chardev=second,index=1'],
];

/** What such a program said. @throws where none did, or several */
export function saidOn(file: string): string {
  const all = readFileSync(file, 'utf8');
  const [said, ...more] = all.split(/[\r\n]+/).filter((line) => line.startsWith(MARK));
  if (said === undefined || more.length > 0) throw new Error(`not one line of ${file}: ${all}`);
  return said.slice(MARK.length);
}
