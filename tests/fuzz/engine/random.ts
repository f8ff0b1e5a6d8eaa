/** Numbers that depend on the seed only, so that a run can be had again. */
export interface Random {
  /** An integer from 0 up to, not including, `limit` (1 to 2^32). */
  below(limit: number): number;
  /** True once in `n` times. */
  oneIn(n: number): boolean;
  pick<T>(list: readonly T[]): T;
}

/** sfc32 of the PractRand suite, seeded by its own counter. */
export function createRandom(seed: number): Random {
  let [a, b, c, counter] = [0x9e3779b9, 0x243f6a88, seed | 0, 1];
  const next = (): number => {
    const t = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + t) | 0;
    return t >>> 0;
  };
  for (let i = 0; i < 12; i++) next();
  const below = (limit: number): number => Math.floor((next() / 2 ** 32) * limit);
  return { below, oneIn: (n) => below(n) === 0, pick: (list) => list[below(list.length)]! };
}
