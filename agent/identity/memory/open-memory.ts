import type { StatePlace } from '../../tree/state-place.ts';
import { withLock } from '../../tree/lock.ts';
import type { Authority } from '../tpm/policy.ts';
import { boundMemory } from './bound-memory.ts';
import { efiMemory } from './efi.ts';
import { fileMemory } from './memory-file.ts';
import type { MemoryKind } from './kind.ts';
import { isOlder } from './memory.ts';
import type { DecisionMemory, MemoryStore, OpenedMemory } from './memory.ts';
import type { Owner } from './memory-record.ts';
import { stickMemory } from './stick.ts';
import { tpmMemory } from './tpm-memory.ts';

const LASTING: Readonly<Record<MemoryKind, ((owner: Owner) => MemoryStore) | undefined>> = {
  tpm: tpmMemory,
  efi: efiMemory,
  stick: stickMemory,
  file: undefined,
  none: undefined,
};

/**
 * Opens the memory of a node. The file at `place` is what the processes of one boot share and read;
 * a kind that outlives the root stands behind it: it is read once, here, and written first.
 * @param authority of a signed image: the memory in the TPM is one that only such images write
 * @throws device_missing, device_failed where what was asked for is not there: then it is not known
 *   what was remembered; file_malformed
 */
export function openMemory(
  kind: MemoryKind,
  place: StatePlace,
  owner: Owner,
  authority?: Authority,
): OpenedMemory {
  if (kind === 'tpm' && authority !== undefined) return boundMemory(place, owner, authority);
  const file = fileMemory(place, owner.site, owner.node);
  const lasting = LASTING[kind]?.(owner);
  if (lasting === undefined) return { ...file, kind, before: file.load() };
  // Two processes that read it and write it in turn would lose the newer of two.
  const saveBoth = (memory: DecisionMemory): void => {
    place.change((folder) => withLock(folder, () => lasting.save(memory)));
    file.save(memory);
  };
  const kept = lasting.load();
  if (kept !== undefined) file.save(kept);
  const before = file.load();
  // It was wiped while this root remembers.
  if (before !== undefined && (kept === undefined || isOlder(kept, before))) saveBoth(before);
  return { kind, before, load: () => file.load(), save: saveBoth };
}

/** In one line, without a semicolon. */
export function tellMemory({ kind, before, wiped }: OpenedMemory): string {
  const code = wiped?.();
  if (code !== undefined) return `${kind}, ${wipedWith(code)}`;
  if (before !== undefined) return `${kind}, decision ${before.seq} was remembered`;
  return `${kind}, nothing was remembered`;
}

/** What `admin/machine-says.ts` finds the code in. */
const wipedWith = (code: string): string => `wiped, code ${code}`;

/** What to say of a memory that outlives the power and held nothing; undefined of any other. */
export function tellBlank({ kind, before, wiped }: OpenedMemory): string | undefined {
  const code = wiped?.();
  if (code !== undefined) {
    return `the memory (${kind}) was ${wipedWith(code)}: what was decided before is not taken, since it may not be the newest`;
  }
  if (before !== undefined || wiped !== undefined || LASTING[kind] === undefined) return undefined;
  return `the memory (${kind}) holds nothing: this is a first boot, or it was wiped, and an older decision would not be noticed`;
}
