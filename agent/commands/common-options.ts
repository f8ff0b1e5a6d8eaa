import { join } from 'node:path';
import type { Option, OptionsOf } from '../../usage/table.ts';
import type { Invocation } from '../boot/invocation.ts';
import { createConsole } from '../console/console.ts';
import type { Speech } from '../console/console.ts';
import { parseKeySource } from '../identity/keys/key-source.ts';
import { MEMORY_KINDS } from '../identity/memory/kind.ts';

/** Those that every command takes. */
export const COMMON_OPTIONS = [
  {
    name: 'root',
    value: '<folder>',
    about: "the machine's root folder",
    default: '/',
    example: '--root /mnt/new',
  },
  {
    name: 'site',
    value: '<file>',
    about: 'the site that it belongs to; default: etc/coatcheck/site.json there',
    example: '--site site.json',
  },
  {
    name: 'key',
    value: '<source>',
    about: 'its key: usb, image, tpm, credential, or a file; default: etc/coatcheck/key there',
    more: 'its key ([keys.md](keys.md)): `usb`, `image`, `tpm`, `credential`, or a file; default: etc/coatcheck/key there',
    example: '--key tpm',
  },
  {
    name: 'memory',
    value: '<kind>',
    // No default: without it the kernel's command line has a say.
    about: 'what remembers the newest decision; default: file',
    more: 'what remembers the newest decision ([keys.md](keys.md)); default: file',
    choices: MEMORY_KINDS,
    example: '--memory tpm',
  },
  {
    name: 'state',
    value: '<folder>',
    about: 'where it remembers what it verified; default: var/lib/coatcheck there',
    example: '--state /run/coatcheck',
  },
  {
    name: 'server',
    value: '<url>',
    about:
      'the server to ask, with its path, if it has one; default: those that the site names, in turn',
    example: '--server http://10.0.0.2:8420',
  },
  {
    name: 'json',
    about: 'print one JSON document on stdout, and notes and errors as one on stderr',
    example: 'coatcheck-agent --json status',
  },
] as const satisfies readonly Option[];

/** What every command is given, by {@link COMMON_OPTIONS}. @throws usage */
export function invocationOf(given: OptionsOf<typeof COMMON_OPTIONS>, speech: Speech): Invocation {
  const { root, site, key, memory, state, server } = given;
  return {
    places: {
      root,
      site: site ?? join(root, 'etc/coatcheck/site.json'),
      ...(key !== undefined && { key: parseKeySource(key) }),
      memory,
      state,
    },
    server,
    console: createConsole(speech),
    now: () => Math.floor(Date.now() / 1000),
  };
}
