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
  'image',
] as const;

/** What it compares with a time from now. */
export const TIME_FIELDS = ['age', 'reported', 'expires'] as const;

/** What a filter asks of. */
export type FilterField = (typeof TEXT_FIELDS)[number] | (typeof TIME_FIELDS)[number];

/** All of {@link FilterField}. */
export const FILTER_FIELDS: readonly FilterField[] = [...TEXT_FIELDS, ...TIME_FIELDS];

/**
 * How a machine stands with its image, by what its TPM vouches for in its last report; several at once may be so.
 *
 * - `newest`: no machine was shown to run a later generation
 * - `lags`: one was
 * - `claims`: something speaks against what it says, or its TPM was not approved
 * - `known`: and its TPM is one that the site knows
 * - `none`: nothing vouches for an image
 */
export const IMAGES = ['newest', 'lags', 'claims', 'known', 'none'] as const;
