/** A part of a long list. */
export interface Part<T> {
  readonly shown: readonly T[];
  /** index of the first that is shown */
  readonly from: number;
  /** how long the whole list is */
  readonly all: number;
  /** from 1 */
  readonly page: number;
  readonly pages: number;
}

/** A part of a long list. @param wanted from 1; beyond the last it is the last */
export function pageOf<T>(list: readonly T[], wanted: number, size: number): Part<T> {
  const pages = Math.max(1, Math.ceil(list.length / size));
  const page = Math.min(Math.max(1, wanted), pages);
  const from = (page - 1) * size;
  return { shown: list.slice(from, from + size), from, all: list.length, page, pages };
}

/** Which part of a list this is, and the ways to the others; nothing where there are none. */
export function Pages({ part, at }: { part: Part<unknown>; at: (page: number) => string }) {
  const { shown, from, all, page, pages } = part;
  if (pages <= 1) return null;
  return (
    <nav aria-label="Pages" class="pages">
      {page > 1 && (
        <>
          <a href={at(1)}>first</a> <a href={at(page - 1)}>before</a>{' '}
        </>
      )}
      {from + 1} to {from + shown.length} of {all}{' '}
      {page < pages && (
        <>
          <a href={at(page + 1)}>next</a> <a href={at(pages)}>last</a>
        </>
      )}
    </nav>
  );
}
