/**
 * Whether a text is a host name as RFC 1123 has it: labels of 1 to 63 letters, digits and hyphens,
 * 253 characters in all, and so nothing that a URL, a file or a terminal would read otherwise. A
 * domain is one too. What a URL takes for an address is not (`127.0.0.1`, `0x7f.1`), nor is the root `.`.
 */
export function isHostName(text: string): boolean {
  const label = /^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/;
  const endsInNumber = /(^|\.)([0-9]+|0x[0-9a-f]*)$/i;
  return (
    text.length <= 253 &&
    text.split('.').every((part) => label.test(part)) &&
    !endsInNumber.test(text)
  );
}
