import { z } from 'zod';

/** A string of bounded length (UTF-16 code units) without control characters and without lone surrogates. */
export function lineOfText(bounds: { readonly min: number; readonly max: number }): z.ZodString {
  return z
    .string()
    .min(bounds.min)
    .max(bounds.max)
    .regex(/^[^\p{Cc}\p{Cs}]*$/u, 'control characters and lone surrogates are not allowed');
}
