/** Unix time in whole seconds, as JSON carries it. */
export function unixSeconds(date: Date): number {
  return Math.floor(date.getTime() / 1000);
}
