import { fromUtf8 } from '../bundle/bytes.ts';
import { quote, showPath } from '../bundle/errors.ts';
import { isHostname } from '../bundle/hostname.ts';
import { isAccountFile, readEntries } from './accounts.ts';
import type { FileFault } from './accounts.ts';
import { isPassedOver } from './paths.ts';
import type { PathList } from './paths.ts';

/** A file of a bundle, as far as it matters here. */
interface Contents {
  readonly path: string;
  readonly content: Uint8Array;
}

/**
 * Why a machine would not take these files, whatever is on its disk: the same question where they
 * are captured, proposed, reviewed and applied.
 * @param list what a bundle may place on the machine
 * @param own the machine's lines of an account file: such a line is no fault
 */
export function faultsOf(
  files: readonly Contents[],
  list: Pick<PathList, 'traitsOf'>,
  own?: (path: string) => ReadonlySet<string>,
): FileFault[] {
  return files.flatMap(({ path, content }): readonly FileFault[] => {
    if (isPassedOver(path)) return [];
    if (list.traitsOf(path) === undefined) {
      const why =
        "is not among the files that a bundle may place: neither the built-in list nor the paths in this machine's site.json have it";
      return [{ path, why }];
    }
    if (isAccountFile(path)) return readEntries(path, latin1(content), own?.(path)).faults;
    if (path !== HOSTNAME_FILE) return [];
    const why = hostnameFault(content);
    return why === undefined ? [] : [{ path, why }];
  });
}

/** A fault in a line. */
export const faultText = ({ path, line, why }: FileFault): string =>
  line === undefined ? `${showPath(path)} ${why}` : `${showPath(path)}, line ${line}: ${why}`;

/** Where the host name is. */
export const HOSTNAME_FILE = 'etc/hostname';

/**
 * The host name of such a file, as hostname(5) reads it; undefined where it has none.
 * @throws bad_encoding
 */
export const hostnameIn = (content: Uint8Array): string | undefined =>
  fromUtf8(content)
    .split('\n')
    .map((line) => line.trim())
    .find((line) => line !== '' && !line.startsWith('#'));

/** Why the host name of such a file is none. */
export function hostnameFault(content: Uint8Array): string | undefined {
  try {
    const name = hostnameIn(content);
    if (name === undefined || isHostname(name)) return undefined;
    return `gives ${quote(name)}, which is no host name: up to 64 letters, digits and hyphens, with dots between`;
  } catch {
    return 'is not UTF-8, as a host name is';
  }
}

const latin1 = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => String.fromCharCode(byte)).join('');
