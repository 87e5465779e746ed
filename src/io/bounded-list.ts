import * as z from 'zod';

/** Faulty items after which an array is no longer checked. */
const FAULTY_LIMIT = 20;

/**
 * An array schema for untrusted documents. It stops at the twentieth faulty item; an ordinary array would describe each
 * of millions, and each description is larger than the item.
 */
export function boundedList<Item extends z.ZodType>(item: Item): z.ZodType<z.output<Item>[]> {
  return z.array(z.unknown()).transform((values, context) => {
    const items: z.output<Item>[] = [];
    let faulty = 0;
    for (const [index, value] of values.entries()) {
      const result = item.safeParse(value);
      if (result.success) items.push(result.data);
      else {
        for (const issue of result.error.issues.slice(0, FAULTY_LIMIT))
          context.addIssue({ code: 'custom', message: issue.message, path: [index, ...issue.path] });
        faulty += 1;
        if (faulty === FAULTY_LIMIT) break;
      }
    }
    return faulty === 0 ? items : z.NEVER;
  });
}
