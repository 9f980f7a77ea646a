import { z } from 'zod';
import { CLICK_EVENT_LIMITS } from './click-event-limits.ts';
import { lineOfText } from './line-of-text.ts';

const limits = CLICK_EVENT_LIMITS;

/** A JSON scalar; text may hold control characters, but no lone surrogates, which UTF-8 cannot carry. */
const attributeValueSchema = z.union([
  z
    .string()
    .max(limits.attributeTextLength.max)
    .regex(/^\P{Cs}*$/u, 'lone surrogates are not allowed'),
  z.number(),
  z.boolean(),
  z.null(),
]);

const attributeEntriesSchema = z
  .array(z.tuple([lineOfText(limits.attributeNameLength), attributeValueSchema]))
  .max(limits.attributeCount.max);

// Entries are checked in place of a z.record, which drops a `__proto__` key without looking at its value.
const attributesSchema = z
  .custom<Record<string, z.infer<typeof attributeValueSchema>>>(
    (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
    'expected an object',
  )
  .superRefine((attributes, context) => {
    const entries = attributeEntriesSchema.safeParse(Object.entries(attributes));
    for (const issue of entries.error?.issues ?? []) {
      context.addIssue({ code: 'custom', message: issue.message, path: issue.path });
    }
  });

const clickEventFields = z.object({
  eventId: lineOfText(limits.eventIdLength).optional(),
  userId: lineOfText(limits.userIdLength),
  url: lineOfText(limits.urlLength),
  timestamp: z.int().min(limits.timestampMs.min).max(limits.timestampMs.max),
  sessionId: lineOfText(limits.sessionIdLength).optional(),
  referrer: lineOfText(limits.referrerLength).optional(),
  userAgent: lineOfText(limits.userAgentLength).optional(),
  attributes: attributesSchema.optional(),
});

const jsonClickEventFields = clickEventFields.extend({ eventId: lineOfText(limits.eventIdLength) });

/** Checks with `fields` but hands back the input itself: a zod object would drop unknown fields, or `__proto__`. */
function checkedBy<Fields extends z.ZodType>(fields: Fields) {
  return z.unknown().transform((input, context): z.output<Fields> => {
    const checked = fields.safeParse(input);
    if (checked.success) return input as z.output<Fields>;
    for (const issue of checked.error.issues) {
      context.addIssue({ code: 'custom', message: issue.message, path: issue.path });
    }
    return z.NEVER;
  });
}

/**
 * A click event in memory, for the edges of the system; bounds are {@link CLICK_EVENT_LIMITS}. The parsed value is the
 * input object itself, so unknown fields are kept and ignored.
 */
export const clickEventSchema = checkedBy(clickEventFields);

/** A click event as JSON on the wire: as {@link clickEventSchema}, and `eventId` is required. */
export const jsonClickEventSchema = checkedBy(jsonClickEventFields);

/**
 * One click. `timestamp` is event time, integer milliseconds since the epoch. `eventId` is missing only in clicks that
 * came as a sentence. Unknown fields of a JSON click are still there at run time.
 */
export type ClickEvent = z.infer<typeof clickEventSchema>;
