/** A row of two columns: a line with its number on each side, where there is one. */
export interface Row {
  readonly before?: { readonly number: number; readonly text: string; readonly index: number };
  readonly after?: { readonly number: number; readonly text: string; readonly index: number };
  /** where a new part of the file begins, instead of the two */
  readonly hunk?: string;
  /** a note about the line before, instead of the two */
  readonly note?: string;
}

/**
 * The lines of a unified diff as two columns: removed lines stand beside those that took their place.
 * Every line is in a row, none twice on a side.
 */
export function sideBySide(lines: readonly string[]): Row[] {
  const rows: Row[] = [];
  let [old, now] = [1, 1];
  let removed: NonNullable<Row['before']>[] = [];
  let added: NonNullable<Row['after']>[] = [];
  let notes: string[] = [];
  const flush = (): void => {
    for (let i = 0; i < Math.max(removed.length, added.length); i++) {
      rows.push({
        ...(removed[i] && { before: removed[i]! }),
        ...(added[i] && { after: added[i]! }),
      });
    }
    rows.push(...notes.map((note) => ({ note })));
    [removed, added, notes] = [[], [], []];
  };
  lines.forEach((line, index) => {
    const text = line.slice(1);
    if (line.startsWith('-')) {
      if (added.length > 0) flush();
      removed.push({ number: old++, text, index });
    } else if (line.startsWith('+')) {
      added.push({ number: now++, text, index });
    } else if (line.startsWith('\\')) {
      notes.push(`${added.length > 0 ? 'after' : 'before'}: ${text.trim()}`);
    } else if (line.startsWith('@@')) {
      flush();
      const [, oldStart = '1', nowStart = '1'] = /^@@ -(\d+),\d+ \+(\d+),/.exec(line) ?? [];
      [old, now] = [Math.max(1, Number(oldStart)), Math.max(1, Number(nowStart))];
      rows.push({ hunk: line });
    } else {
      flush();
      rows.push({ before: { number: old++, text, index }, after: { number: now++, text, index } });
    }
  });
  flush();
  return rows;
}
