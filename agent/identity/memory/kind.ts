/** Where a machine remembers the newest decision between boots, the best first. */
export const MEMORY_KINDS = ['tpm', 'efi', 'stick', 'file', 'none'] as const;
/** One of {@link MEMORY_KINDS}. */
export type MemoryKind = (typeof MEMORY_KINDS)[number];
