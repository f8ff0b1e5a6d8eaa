/** Where the seed of a machine comes from; the manifest's `keySource` names it. */
export type KeySource =
  | { readonly from: 'usb' | 'image' | 'tpm' | 'credential' }
  | { readonly from: 'file'; readonly path: string };
