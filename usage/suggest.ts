/**
 * ` (did you mean --force?)`: the name that was meant by one that is none, if one is near: it begins so,
 * or two letters are missing, odd or exchanged at most.
 * @param dashes what stands before a name
 */
export function didYouMean(word: string, names: readonly string[], dashes = '--'): string {
  const far = Math.min(2, word.length - 1);
  const [nearest] = names
    .map((name) => ({
      name,
      distance: word.length > 1 && name.startsWith(word) ? 0 : distance(word, name),
    }))
    .filter((near) => near.distance <= far)
    .sort((a, b) => a.distance - b.distance);
  return nearest === undefined ? '' : ` (did you mean ${dashes}${nearest.name}?)`;
}

/** The optimal string alignment distance: how many letters are added, left out, changed or exchanged. */
function distance(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > 2) return 3;
  let before: number[] = [];
  let above = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      let least = Math.min(above[j]! + 1, row[j - 1]! + 1, above[j - 1]! + same);
      if (a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] && j > 1 && i > 1) {
        least = Math.min(least, before[j - 2]! + 1);
      }
      row.push(least);
    }
    [before, above] = [above, row];
  }
  return above[b.length]!;
}
