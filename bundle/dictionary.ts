/**
 * What compression may refer back to before the first byte, by the id in a bundle's header: 0 is
 * none. A dictionary never changes once published.
 */
export function dictionary(id: number): Uint8Array {
  return id === 0 ? NONE : NONE;
}
const NONE = new Uint8Array();
