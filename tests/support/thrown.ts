import { codeOf } from '../../protocol/errors.ts';

/** The code of what `act` throws: `internal` for what is not ours, `no error` for nothing. */
export function codeFrom(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    return codeOf(error);
  }
  return 'no error';
}
