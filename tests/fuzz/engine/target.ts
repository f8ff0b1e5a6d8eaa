/** A parser, and what is promised of it for every input. */
export interface Target {
  /**
   * Gives the input to the parser.
   * @returns what came of it: `ok`, or the code of the refusal, or a word that tells cases apart
   * @throws anything, where a promise is broken
   */
  readonly run: (input: Uint8Array) => string | Promise<string>;
  /** Inputs to start from, besides those of `seeds/`. */
  readonly seeds: readonly Uint8Array[];
  /** Words of the format that are not in the code. */
  readonly words?: readonly string[];
  /** Only one in so many of the runs asked for: an execution takes milliseconds. */
  readonly oneIn?: number;
  readonly limits: Limits;
}

export interface Limits {
  /** The longest input, bytes. */
  readonly maxBytes: number;
  /** Branches that an execution may take: so many, and so many for each byte of the input. */
  readonly work: readonly [base: number, perByte: number];
  /** Bytes of typed arrays that an execution may ask for. */
  readonly allocated: readonly [base: number, perByte: number];
}
