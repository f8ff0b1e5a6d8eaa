import type { FileVersion } from '../admin/alter.ts';
import type { Current } from '../admin/change.ts';
import { count } from '../protocol/count.ts';
import { namesText, shortName } from './names.ts';

/** So many versions are told apart in a sentence. */
const MAX_VERSIONS = 10;
const inOrder = new Intl.Collator('en', { numeric: true }).compare;

/** That a file is not the same on all nodes, and which have which. */
export function versionsText(
  versions: readonly FileVersion<Pick<Current, 'node' | 'name'>>[],
): string {
  const said = versions.map(({ file, of }) => {
    const names = namesText(of.map(shortName).sort(inOrder));
    return `${names} (${count(of.length, 'node')}${file === undefined ? ' without it' : ''})`;
  });
  const more = versions.length - MAX_VERSIONS;
  return `not the same on these nodes: ${said.slice(0, MAX_VERSIONS).join('; ')}${
    more > 0 ? `; and ${more} more` : ''
  }`;
}
