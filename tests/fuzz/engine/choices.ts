const decoder = new TextDecoder();

/**
 * Decisions made by the bytes of an input, front to back, so that an input stands for a structure
 * and a small change of it for a small change of that. At the end every decision is the first one.
 */
export class Choices {
  readonly #bytes: Uint8Array;
  #offset = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  byte(): number {
    return this.#bytes[this.#offset++] ?? 0;
  }

  /** 0 up to, not including, `limit` (1 to 256). */
  below(limit: number): number {
    return this.byte() % limit;
  }

  flag(): boolean {
    return (this.byte() & 1) === 1;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }

  /** A length in one byte, and so many bytes. */
  bytes(): Uint8Array {
    return this.take(this.byte());
  }

  /** The text of {@link bytes}, with U+FFFD for what is not UTF-8. */
  text(): string {
    return decoder.decode(this.bytes());
  }

  take(length: number): Uint8Array {
    const at = Math.min(this.#offset, this.#bytes.length);
    this.#offset = at + length;
    return this.#bytes.subarray(at, at + length);
  }

  get isEmpty(): boolean {
    return this.#offset >= this.#bytes.length;
  }

  rest(): Uint8Array {
    return this.take(this.#bytes.length);
  }
}
