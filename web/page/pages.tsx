/** A part of a long list. @param page from 1; beyond the last it is the last */
export function pageOf<T>(
  all: readonly T[],
  page: number,
  size: number,
): { readonly shown: readonly T[]; readonly pages: number; readonly page: number } {
  const pages = Math.max(1, Math.ceil(all.length / size));
  const within = Math.min(Math.max(1, page), pages);
  return { shown: all.slice((within - 1) * size, within * size), pages, page: within };
}

/** The ways to the other parts of a list; nothing where there are none. */
export function Pages({
  page,
  pages,
  at,
}: {
  page: number;
  pages: number;
  at: (page: number) => string;
}) {
  if (pages <= 1) return null;
  return (
    <nav aria-label="Pages" class="pages">
      {page > 1 && <a href={at(page - 1)}>before</a>} page {page} of {pages}{' '}
      {page < pages && <a href={at(page + 1)}>next</a>}
    </nav>
  );
}
