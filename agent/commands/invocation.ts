import { join } from 'node:path';
import { fail } from '../../protocol/errors.ts';
import type { Given, Option } from '../../usage/usage.ts';
import type { Invocation } from '../boot/invocation.ts';
import { createConsole } from '../console/console.ts';
import { parseKeySource } from '../identity/keys/source.ts';
import { isMemoryKind, MEMORY_KINDS } from '../identity/memory/kind.ts';
import { isGiven, text } from './options.ts';

/** Those that every command takes. */
export const COMMON_OPTIONS: readonly Option[] = [
  { name: 'root', value: '<folder>', about: "the machine's root folder", default: '/' },
  {
    name: 'site',
    value: '<file>',
    about: 'the site that it belongs to; default: etc/coatcheck/site.json there',
  },
  {
    name: 'key',
    value: '<source>',
    about: 'its key: usb, image, tpm, credential, or a file; default: etc/coatcheck/key there',
  },
  {
    name: 'memory',
    value: '<kind>',
    about: 'what remembers the newest decision: tpm, efi, stick, file, none',
    default: 'file',
  },
  {
    name: 'state',
    value: '<folder>',
    about: 'where it remembers; default: var/lib/coatcheck there',
  },
  {
    name: 'server',
    value: '<url>',
    about: 'the server to ask; default: those that the site names',
  },
  { name: 'json', about: 'print one JSON document on stdout' },
];

/** What every command is given, by {@link COMMON_OPTIONS}. @throws usage */
export function invocationOf(given: Given): Invocation {
  const root = text(given, 'root') ?? '/';
  const key = text(given, 'key');
  const memory = text(given, 'memory');
  if (memory !== undefined && !isMemoryKind(memory)) {
    throw fail('usage', `--memory is one of ${MEMORY_KINDS.join(', ')}`);
  }
  return {
    places: {
      root,
      site: text(given, 'site') ?? join(root, 'etc/coatcheck/site.json'),
      ...(key !== undefined && { key: parseKeySource(key) }),
      memory,
      state: text(given, 'state'),
    },
    server: text(given, 'server'),
    console: createConsole({ json: isGiven(given, 'json') }),
    now: () => Math.floor(Date.now() / 1000),
  };
}
