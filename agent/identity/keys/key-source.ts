/** Where the seed of a machine comes from; the manifest's `keySource` names it. */
export type KeySource =
  | { readonly from: 'usb' | 'image' | 'tpm' | 'credential' }
  | { readonly from: 'file'; readonly path: string };

const WITHOUT_PATH: readonly string[] = ['usb', 'image', 'tpm', 'credential'];

/** A source as `--key` has it: `usb`, `image`, `tpm`, `credential`, `file:<path>`, or only the path. */
export function parseKeySource(text: string): KeySource {
  if (WITHOUT_PATH.includes(text)) return { from: text } as KeySource;
  return { from: 'file', path: text.replace(/^file:/, '') };
}
