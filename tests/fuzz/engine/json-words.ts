/** What a JSON text is made of, and what some readers of one stumble over. */
export const JSON_WORDS: readonly string[] = [
  ...['__proto__', 'constructor', '"', '{}', '[]', ',', ':', 'null', '1e2', '\\u0000'],
];
