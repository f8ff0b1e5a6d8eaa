declare const brand: unique symbol;

/** A `T` that only its own maker makes: plain values do not fit where it is asked for. */
export type Brand<T, Name extends string> = T & { readonly [brand]: Name };
