import { writeFileSync } from 'node:fs';

/** Before what a program says on the second serial line: the firmware speaks there as well, and is done by then. */
export const MARK = 'said: ';

/** Says what is too long, or too exact, for a console that the kernel speaks on as well. @param text one line */
export const say = (text: string): void => writeFileSync('/dev/ttyS1', `\n${MARK}${text}\n`);

/** Where the intruder finds its {@link Orders}, below the root. */
export const ORDERS = 'usr/lib/tests/orders.json';

/** What the intruder is to try. */
export interface Orders {
  /** What it writes into the machine's memory, base64 */
  readonly record: string;
  /** What it has the TPM vouch for */
  readonly texts: readonly {
    readonly node: string;
    /** hex */
    readonly statement: string;
    /** hex */
    readonly text: string;
  }[];
}

/** What came of it. */
export interface Loot {
  /** By how it tried to write the memory: what it was told, or `written` */
  readonly memory: Readonly<Record<'owner' | 'password' | 'policy', string>>;
  /** For each of the texts, two attestations, base64 */
  readonly vouched: readonly {
    /** By registers as they are */
    readonly registers: string;
    /** The same, for a key that policies of its own open */
    readonly key: string;
  }[];
}
