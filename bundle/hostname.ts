/** What a host name is: letters, digits and hyphens, with dots between; up to 64 characters, as the kernel has room for. */
export const HOSTNAME =
  /^(?=.{1,64}$)[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*$/;

/** Whether the metadata field `hostname` may have this value. */
export const isHostname = (text: string): boolean => HOSTNAME.test(text);
