import { CoatcheckError } from '../../../bundle/errors.ts';
import { isErrorCode } from '../../../protocol/errors.ts';

/**
 * What came of it: what `act` gives, or the code of the refusal. An error that is none of ours, or
 * has a code that is not in the table, or says that it is a bug, is a promise broken.
 */
export function verdict(act: () => string): string {
  try {
    return act();
  } catch (error) {
    return refusalOf(error);
  }
}

export async function verdictOf(act: () => Promise<string>): Promise<string> {
  try {
    return await act();
  } catch (error) {
    return refusalOf(error);
  }
}

function refusalOf(error: unknown): string {
  if (!(error instanceof CoatcheckError)) throw error;
  const code = String(error.code);
  if (!isErrorCode(code) || code === 'internal') throw error;
  return code;
}

/** A promise that an input breaks. */
export function demand(holds: boolean, promise: string): void {
  if (!holds) throw new Error(promise);
}

export function sameBytes(a: Uint8Array, b: Uint8Array, what = 'bytes written again'): void {
  demand(Buffer.compare(a, b) === 0, `${what} are others`);
}

export function sameText(a: string, b: string, what = 'text written again'): void {
  demand(a === b, `${what} is another: ${JSON.stringify(a)} for ${JSON.stringify(b)}`);
}
