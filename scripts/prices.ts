/**
 * List prices of AWS in US East (N. Virginia), US dollars, each of the dearest tier and without what is free. docs/cost.md has
 * their sources and dates; another region is up to a quarter dearer.
 */
export const PRICES = {
  /** HTTP API, the first 300 million requests of a month */
  apiPerMillion: 1,
  lambdaPerMillion: 0.2,
  /** arm64 */
  lambdaPerGbSecond: 0.0000133334,
  /** PUT, COPY, POST, LIST */
  s3PutPerThousand: 0.005,
  /** GET and all others */
  s3GetPerThousand: 0.0004,
  s3GbMonth: 0.023,
  /** To the internet */
  outPerGb: 0.09,
  /** What CloudWatch takes in */
  logsPerGb: 0.5,
  /** A month, of standard resolution */
  alarm: 0.1,
  dashboard: 3,
  /** A custom metric, a month */
  metric: 0.3,
} as const;
