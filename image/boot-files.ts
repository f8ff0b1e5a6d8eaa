/**
 * What boot loaders read. All of them give the kernel the same arguments: a serial line and a screen both
 * have a console, the last one named is `/dev/console`.
 */

/**
 * The kernel's arguments. `panic=30`: after so many seconds it starts again (docs/adr/0214).
 * `systemd.machine_id=firmware`: the same at every boot.
 */
export const argumentsOf = (append: string): string =>
  `stateless panic=30 ${append} systemd.machine_id=firmware console=tty0 console=ttyS0,115200`.replace(
    / +/g,
    ' ',
  );

/**
 * The same for an image that is signed with them. PID 1 takes no credentials from SMBIOS or fw_cfg: a password of root
 * could be among them, and nobody signed it (systemd(1); docs/adr/0275).
 */
export const sealedArguments = (append: string): string =>
  `${argumentsOf(append)} systemd.import_credentials=no`;

/** For pxelinux and lpxelinux: `pxelinux.cfg/default`. IPAPPEND 2 adds BOOTIF. */
export const pxelinux = (append: string): string => `DEFAULT coatcheck
PROMPT 0
LABEL coatcheck
  KERNEL vmlinuz
  INITRD initrd.img
  APPEND ${argumentsOf(append)}
  IPAPPEND 2
`;

/** For iPXE: `boot.ipxe`; paths are relative to where it was fetched. */
export const ipxe = (append: string): string => `#!ipxe
kernel vmlinuz initrd=initrd.img ${argumentsOf(append)} BOOTIF=01-\${net0/mac:hexhyp}
initrd initrd.img
boot
`;

/** For GRUB, of the ISO and the stick. Quoted, since it has variables: `$` is in every hash of a password. */
export const grub = (append: string): string => `set timeout=3
serial --unit=0 --speed=115200
terminal_input console serial
terminal_output console serial
menuentry coatcheck {
  linux /boot/vmlinuz ${argumentsOf(append).replace(/\S+/g, "'$&'")}
  initrd /boot/initrd.img
}
`;
