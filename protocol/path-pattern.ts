/** A part of a pattern, split at each `*`: one piece has none. */
type Pieces = readonly string[];

interface Pattern {
  readonly parts: readonly Pieces[];
  /** It ends in `**`, whose place the last of `parts` has. */
  readonly isOpen: boolean;
}

const parsed = (pattern: string): Pattern => ({
  parts: pattern.split('/').map((part) => (part === '**' ? '*' : part).split('*')),
  isOpen: pattern.endsWith('/**'),
});

const startsAs = ({ parts }: Pattern, path: readonly string[]): boolean =>
  path.every((part, i) => (i < parts.length ? fitsPart(parts[i]!, part) : part !== ''));

function fitsPart(pieces: Pieces, part: string): boolean {
  const [first = '', ...others] = pieces;
  if (others.length === 0) return part === first;
  const last = others.pop()!;
  if (!part.startsWith(first)) return false;
  let at = first.length;
  for (const piece of others) {
    const found = part.indexOf(piece, at + 1);
    if (found < 0) return false;
    at = found + piece.length;
  }
  return part.length > at + last.length && part.endsWith(last);
}

/**
 * Whether one of the patterns names a whole path. `*` is one or more characters within a part of a
 * path; `**`, which is a whole part and the last, is one part or more. Takes time linear in the path:
 * each run ends at the first place where what follows it is found.
 */
export function pathMatcher(patterns: readonly string[]): (path: string) => boolean {
  const all = patterns.map(parsed);
  return (path) => {
    const parts = path.split('/');
    return all.some(
      (pattern) =>
        (pattern.isOpen
          ? parts.length >= pattern.parts.length
          : parts.length === pattern.parts.length) && startsAs(pattern, parts),
    );
  };
}

/** Whether a folder may have something below it that one of the patterns names. */
export function folderMatcher(patterns: readonly string[]): (folder: string) => boolean {
  const all = patterns.map(parsed);
  return (folder) => {
    const parts = folder.split('/');
    return all.some(
      (pattern) =>
        (pattern.isOpen || parts.length < pattern.parts.length) && startsAs(pattern, parts),
    );
  };
}

/** The folder that a pattern is below, by its parts without a `*`. */
export function folderOf(pattern: string): string {
  const parts = pattern.split('/');
  const wild = parts.findIndex((part) => part.includes('*'));
  return parts.slice(0, wild < 0 ? -1 : Math.min(wild, parts.length - 1)).join('/');
}

/** Whether a pattern is a path with `*` in parts, and `**` as its last one at most. */
export function isPattern(text: string): boolean {
  const parts = text.split('/');
  return parts.every(
    (part, i) => !part.includes('**') || (part === '**' && i > 0 && i === parts.length - 1),
  );
}
