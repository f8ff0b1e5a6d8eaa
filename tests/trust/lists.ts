import * as fs from 'node:fs';
import { join } from 'node:path';
import { must } from '../pxe/programs.ts';

const LISTS = ['PK', 'KEK', 'db', 'dbx'];
const virtFwVars = (file: string, ...args: string[]): Promise<string> =>
  must(['virt-fw-vars', '--loglevel', 'ERROR', '-i', file, ...args]);

/** Takes dbx away: virt-fw-vars enrols the hash of nothing where it is told of none. */
export const withoutDbx = (variables: string): Promise<string> =>
  virtFwVars(variables, '-o', variables, '--delete', 'dbx');

/**
 * The lists as a firmware holds them, as `coatcheck image policy --firmware` takes them.
 * @param folder that is made
 */
export async function writeLists(variables: string, folder: string): Promise<void> {
  fs.mkdirSync(folder, { recursive: true });
  const json = join(folder, 'variables.json');
  await virtFwVars(variables, '--output-json', json);
  const { variables: found } = JSON.parse(fs.readFileSync(json, 'utf8')) as {
    variables: { name: string; data: string }[];
  };
  fs.rmSync(json);
  for (const { name, data } of found)
    if (LISTS.includes(name))
      fs.writeFileSync(join(folder, `${name}.esl`), Buffer.from(data, 'hex'));
}
