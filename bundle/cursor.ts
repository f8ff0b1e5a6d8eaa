import { bundleError } from './errors.ts';

/**
 * Reads a layout front to back. Every read throws `truncated` where the bytes end early, so a
 * decoder that uses nothing else is total.
 */
export class Reader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #offset = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get offset(): number {
    return this.#offset;
  }

  get remaining(): number {
    return this.#bytes.length - this.#offset;
  }

  #advance(length: number): number {
    if (length > this.remaining) {
      throw bundleError('truncated', `${length} bytes expected, ${this.remaining} left`, {
        details: { offset: this.#offset },
      });
    }
    const at = this.#offset;
    this.#offset += length;
    return at;
  }

  /** The next `length` bytes: a view, not a copy. */
  bytes(length: number): Uint8Array {
    const at = this.#advance(length);
    return this.#bytes.subarray(at, at + length);
  }

  u8(): number {
    return this.#view.getUint8(this.#advance(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#advance(2));
  }

  u32(): number {
    return this.#view.getUint32(this.#advance(4));
  }

  /** Little-endian: the length of a manifest only. */
  u32le(): number {
    return this.#view.getUint32(this.#advance(4), true);
  }

  /** As a number; above 2^53 - 1 it is no longer exact, and every caller's limit is below. */
  u64(): number {
    return Number(this.#view.getBigUint64(this.#advance(8)));
  }

  /** The bytes up to the next line feed, which is read too: a view. */
  line(): Uint8Array {
    const end = this.#bytes.indexOf(0x0a, this.#offset);
    if (end < 0) throw bundleError('truncated', 'a line of text has no end');
    const line = this.bytes(end - this.#offset);
    this.#advance(1);
    return line;
  }

  /** Everything that is left. */
  rest(): Uint8Array {
    return this.bytes(this.remaining);
  }

  /** The bytes from `start` to here: what a signature covers. */
  since(start: number): Uint8Array {
    return this.#bytes.subarray(start, this.#offset);
  }

  /** Reads the three letters and the version byte at the start of every object. */
  magic(letters: string): void {
    const found = this.bytes(Math.min(4, this.remaining));
    for (let i = 0; i < Math.min(3, found.length); i++) {
      if (found[i] !== letters.charCodeAt(i)) {
        throw bundleError('bad_magic', `these bytes do not start with "${letters}"`);
      }
    }
    if (found.length < 4) throw bundleError('truncated', 'the first four bytes are not all there');
    if (found[3] !== VERSION) {
      throw bundleError('unsupported_version', `"${letters}" version ${found[3]!} is not known`);
    }
  }

  /** @throws trailing_bytes unless everything was read */
  end(): void {
    if (this.remaining > 0) {
      throw bundleError('trailing_bytes', `${this.remaining} bytes after the end`, {
        details: { offset: this.#offset },
      });
    }
  }
}

/** The version byte of every object of this format. */
const VERSION = 1;

/** Builds a layout front to back. */
export class Writer {
  #bytes = new Uint8Array(256);
  #length = 0;

  #grow(length: number): DataView {
    const needed = this.#length + length;
    if (needed > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(needed, 2 * this.#bytes.length));
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
    const view = new DataView(this.#bytes.buffer, this.#length, length);
    this.#length = needed;
    return view;
  }

  bytes(value: Uint8Array): this {
    const at = this.#length;
    this.#grow(value.length);
    this.#bytes.set(value, at);
    return this;
  }

  u8(value: number): this {
    this.#grow(1).setUint8(0, value);
    return this;
  }

  u16(value: number): this {
    this.#grow(2).setUint16(0, value);
    return this;
  }

  u32(value: number): this {
    this.#grow(4).setUint32(0, value);
    return this;
  }

  u32le(value: number): this {
    this.#grow(4).setUint32(0, value, true);
    return this;
  }

  u64(value: number): this {
    this.#grow(8).setBigUint64(0, BigInt(value));
    return this;
  }

  magic(letters: string): this {
    for (const letter of letters) this.u8(letter.charCodeAt(0));
    return this.u8(VERSION);
  }

  /** A copy of what was written. */
  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }
}
