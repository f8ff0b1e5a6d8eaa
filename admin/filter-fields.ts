/** What a filter compares with texts. */
export const TEXT_FIELDS = [
  'state',
  'id',
  'words',
  'name',
  'claim',
  'type',
  'by',
  'reason',
  'says',
] as const;

/** What it compares with a time from now. */
export const TIME_FIELDS = ['age', 'reported', 'expires'] as const;

/** What a filter asks of. */
export type FilterField = (typeof TEXT_FIELDS)[number] | (typeof TIME_FIELDS)[number];

/** All of {@link FilterField}. */
export const FILTER_FIELDS: readonly FilterField[] = [...TEXT_FIELDS, ...TIME_FIELDS];
