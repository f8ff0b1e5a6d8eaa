/** What a value of an argument may be. */
export interface Kind {
  /** Completes "it is ..." for a person. */
  readonly expected: string;
  /** The one form of it, printable ASCII without spaces and quotes; undefined if it is no such value. */
  readonly canonical: (text: string) => string | undefined;
}

/** How many a list may have. */
export const MAX_LISTED = 8;

/** What is one of these words. */
export function oneOf(...words: readonly string[]): Kind {
  return {
    expected: words.join(', ').replace(/, ([^,]*)$/, ' or $1'),
    canonical: (text) => (words.includes(text) ? text : undefined),
  };
}

/** What matches a pattern as a whole, and is kept as it is. */
export function matching(expected: string, pattern: RegExp): Kind {
  const whole = new RegExp(`^(?:${pattern.source})$`);
  return { expected, canonical: (text) => (whole.test(text) ? text : undefined) };
}

/** A number without sign or leading zeros, both ends included. */
export function numberFrom(least: number, most: number): Kind {
  return {
    expected: `a number from ${least} to ${most}`,
    canonical: (text) =>
      /^[0-9]{1,10}$/.test(text) && Number(text) >= least && Number(text) <= most
        ? String(Number(text))
        : undefined,
  };
}

/** The first of several kinds that takes the value. */
export function either(expected: string, ...kinds: readonly Kind[]): Kind {
  return {
    expected,
    canonical: (text) => {
      for (const kind of kinds) {
        const canonical = kind.canonical(text);
        if (canonical !== undefined) return canonical;
      }
      return undefined;
    },
  };
}

/** Up to 8 of a kind, separated by commas, none twice. */
export function listOf(expected: string, kind: Kind): Kind {
  return {
    expected: `${expected}, separated by commas`,
    canonical: (text) => {
      const items = text.split(',').map(kind.canonical);
      const isList = items.length <= MAX_LISTED && !items.includes(undefined);
      return isList && new Set(items).size === items.length ? items.join(',') : undefined;
    },
  };
}

const YES = ['1', 'yes', 'true', 'on', 'y'];
const NO = ['0', 'no', 'false', 'off', 'n'];

/** Yes or no, in any of the usual words; canonically `yes` or `no`. */
export const yesOrNo: Kind = {
  expected: '1 or 0 (or yes, no, true, false, on, off)',
  canonical: (text) => (YES.includes(text) ? 'yes' : NO.includes(text) ? 'no' : undefined),
};
