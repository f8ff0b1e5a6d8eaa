const TIME = /^(\d{4}-\d\d-\d\d)(?:(T\d\d:\d\d(?::\d\d(?:\.\d+)?)?)(Z|[+-]\d\d(?::?\d\d)?))?$/;

/**
 * Unix milliseconds of a date or a time of ISO 8601: `2027-01-31`, `2027-01-31T12:00Z`,
 * `2027-01-31T12:00:00.5+02`; a date is in UTC. Undefined for anything else, and for a day
 * that there is not: `Date.parse` makes the second of March of the thirtieth of February, and takes a
 * time without a zone, which is none here, for that of whoever runs it.
 */
export function parseIsoTime(text: string): number | undefined {
  const [, day, time = 'T00:00', zone = 'Z'] = TIME.exec(text) ?? [];
  if (day === undefined) return undefined;
  const midnight = Date.parse(`${day}T00:00Z`);
  if (Number.isNaN(midnight) || !new Date(midnight).toISOString().startsWith(day)) return undefined;
  const [hours, minutes] = [zone.slice(0, 3), zone.slice(3).replace(':', '') || '00'];
  const milliseconds = Date.parse(`${day}${time}${zone === 'Z' ? zone : `${hours}:${minutes}`}`);
  return Number.isNaN(milliseconds) ? undefined : milliseconds;
}
