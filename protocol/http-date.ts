const DAY = '(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)';
const TIME = String.raw`\d{2}:\d{2}:\d{2}`;
/** As everybody writes it, and the two older forms that a recipient takes. */
const FORMS = [
  new RegExp(`^${DAY}, \\d{2} [A-Z][a-z]{2} \\d{4} ${TIME} GMT$`),
  new RegExp(
    `^(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day, \\d{2}-[A-Z][a-z]{2}-\\d{2} ${TIME} GMT$`,
  ),
  new RegExp(`^${DAY} [A-Z][a-z]{2} [ \\d]\\d ${TIME} \\d{4}$`),
];

/**
 * A date of HTTP (RFC 9110, section 5.6.7), which is always GMT. What JavaScript would take besides is
 * none: another zone, or none at all, would be read as the time of wherever this runs.
 * @returns Unix seconds
 */
export function httpDate(text: string | null | undefined): number | undefined {
  const given = text?.trim() ?? '';
  if (!FORMS.some((form) => form.test(given))) return undefined;
  const time = Date.parse(given.endsWith('GMT') ? given : `${given} GMT`) / 1000;
  return Number.isNaN(time) ? undefined : time;
}
