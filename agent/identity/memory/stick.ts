import * as fs from 'node:fs';
import { isZero } from '../../../bundle/bytes.ts';
import { fail } from '../../../protocol/errors.ts';
import { blockDevices, onlyDevice } from '../../programs/block-devices.ts';
import { naming } from '../../../files/errors.ts';
import { isOlder } from './memory.ts';
import type { DecisionMemory, MemoryStore } from './memory.ts';
import { damaged, decodeRecord, encodeRecord, RECORD_BYTES } from './memory-record.ts';
import type { Owner } from './memory-record.ts';

/** Name of a GPT partition without a filesystem; it may be on the key stick. */
const MEMORY_STICK_LABEL = 'COATCHECK-MEM';

/** A sector, which a disk writes whole; on those of 4,096 bytes the other copies are in it, too. */
const SECTOR_BYTES = 512;
/** Each memory is there twice: writing one copy may end in its middle. */
const PAIR_BYTES = 2 * SECTOR_BYTES;
const PAIRS = 64;

/**
 * A memory on a stick: a GPT partition named COATCHECK-MEM, all zeros at first, with room for 64
 * sites and nodes. No filesystem, since none that sticks come with survives being pulled out while
 * it is written.
 * @throws device_missing; file_unsafe for two such partitions, or one with a filesystem;
 *   file_malformed where both copies of a memory are damaged; disk_full
 */
export function stickMemory(owner: Owner): MemoryStore {
  return {
    load: () => withStick('r', (stick) => find(stick, owner).memory),
    save: (memory) =>
      withStick('r+', (stick) => {
        const { at, memory: known } = find(stick, owner);
        if (isOlder(memory, known)) return;
        const sector = Buffer.alloc(SECTOR_BYTES);
        sector.set(encodeRecord(owner, memory));
        for (const copy of [0, SECTOR_BYTES]) {
          naming(stick.path, () => fs.writeSync(stick.fd, sector, 0, sector.length, at + copy));
          naming(stick.path, () => fs.fsyncSync(stick.fd));
        }
      }),
  };
}

interface Stick {
  readonly fd: number;
  readonly path: string;
}

function withStick<T>(flags: 'r' | 'r+', act: (stick: Stick) => T): T {
  const named = blockDevices().filter(
    ({ partitionLabel }) => partitionLabel === MEMORY_STICK_LABEL,
  );
  const { path, filesystem } = onlyDevice(named, `a partition named ${MEMORY_STICK_LABEL}`);
  if (filesystem !== undefined) {
    throw fail('file_unsafe', `${path} has the filesystem ${filesystem}: it shall have none`);
  }
  const fd = naming(path, () => fs.openSync(path, flags));
  try {
    return act({ fd, path });
  } finally {
    fs.closeSync(fd);
  }
}

/** The memory of an owner, or the first place that is free; `at` in bytes. */
function find({ fd, path }: Stick, owner: Owner): { at: number; memory?: DecisionMemory } {
  const bytes = Buffer.alloc(PAIRS * PAIR_BYTES);
  const length = naming(path, () => fs.readSync(fd, bytes, 0, bytes.length, 0));
  for (let at = 0; at + PAIR_BYTES <= length; at += PAIR_BYTES) {
    const copies = [at, at + SECTOR_BYTES].map((from) => bytes.subarray(from, from + SECTOR_BYTES));
    const seen = copies.map((copy) => readCopy(copy, owner, path));
    const [memory] = seen
      .flatMap((copy) => (typeof copy === 'object' ? [copy] : []))
      .sort((a, b) => (isOlder(a, b) ? 1 : -1));
    if (memory !== undefined) return { at, memory };
    if (seen.includes('another')) continue;
    // What was never written twice was never relied on.
    if (seen.includes('blank')) return { at };
    throw damaged(`the memory at byte ${at} of ${path}`);
  }
  throw fail('disk_full', `${path} has no room for another memory: it holds ${PAIRS} at most`);
}

function readCopy(
  sector: Uint8Array,
  owner: Owner,
  path: string,
): DecisionMemory | 'another' | 'blank' | 'damaged' {
  if (isZero(sector)) return 'blank';
  try {
    return decodeRecord(sector.subarray(0, RECORD_BYTES), owner, path) ?? 'another';
  } catch {
    return 'damaged';
  }
}
