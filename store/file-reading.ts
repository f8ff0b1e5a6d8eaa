import { open, read } from 'node:fs';
import { promisify } from 'node:util';

/**
 * Opens a file for reading, by a bare descriptor: opening, asking, reading twice and closing by
 * `fs/promises` is six trips to another thread, which costs more than all else that a boot needs of a
 * folder. Whoever opens it asks and closes synchronously, which touches no disk by then.
 */
export const openToRead: (path: string) => Promise<number> = (path) => openFile(path, 'r');

const openFile = promisify(open);
const readSome = promisify(read);

/** The first `size` bytes of an open file; fewer if it ends before. */
export async function readBytes(file: number, size: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(size);
  for (let length = 0; length < size;) {
    const { bytesRead } = await readSome(file, bytes, length, size - length, length);
    if (bytesRead === 0) return bytes.slice(0, length);
    length += bytesRead;
  }
  return bytes;
}
