/**
 * The list of sessions for a connection that may see only some of them: the module asks the gateway for the whole
 * list, and makes pages, counts and facets from the allowed rows. Nothing in it depends on the other rows.
 */
import { type Fields, fieldsOf } from "./fields.ts";

/** How many rows the module asks for. A restricted connection sees nothing beyond them. */
const MAX_ROWS = 10_000;

/** The gateway's default limit, on the releases that have one. */
const DEFAULT_LIMIT = 100;

/** The part of a list that a client asked for. */
export interface ListPage {
  readonly limit?: number;
  readonly offset: number;
}

/**
 * The request to the gateway, and the part of the answer to show. `ownerFirst` is left out because it would repeat
 * rows.
 *
 * @returns nothing for a `sessions.subscribe` without parameters, which is answered without a list
 */
export function wholeList(method: string, body: Fields): { ask: Fields; page: ListPage } | undefined {
  if (method === "sessions.subscribe" && Object.keys(body).length === 0) return undefined;
  const { limit, offset, ownerFirst: _, ...rest } = body;
  // The gateway refuses values of another type; the release may have no offset.
  const wrong = !wanted(limit, 1) ? { limit } : !wanted(offset, 0) ? { offset } : undefined;
  const page = { ...(typeof limit === "number" && { limit }), offset: typeof offset === "number" ? offset : 0 };
  return { ask: { ...rest, limit: MAX_ROWS, ...wrong }, page };
}

function wanted(value: unknown, least: number): boolean {
  return value === undefined || (typeof value === "number" && Number.isSafeInteger(value) && value >= least);
}

/**
 * The page of a list whose rows have been filtered, with its counts. Facets over all sessions are empty.
 *
 * @param answer of `sessions.list`, or of `sessions.subscribe` with the list in it
 */
export function pageOf(answer: unknown, page: ListPage): unknown {
  const body = fieldsOf(answer);
  if (!body) return answer;
  if (!Array.isArray(body["sessions"])) return { ...body, ...("list" in body && { list: pageOf(body["list"], page) }) };
  const all = body["sessions"] as readonly unknown[];
  const limit = page.limit ?? ("limitApplied" in body ? DEFAULT_LIMIT : all.length);
  const end = page.offset + limit;
  const sessions = all.slice(page.offset, end);
  const hasMore = end < all.length;
  const known: Fields = {
    count: sessions.length,
    totalCount: all.length,
    limitApplied: limit,
    nextOffset: hasMore ? end : null,
    hasMore,
    owners: [],
    people: [],
    peopleIncomplete: false,
    peopleSessionCount: 0,
  };
  const { involvingProfileId: _, offset: __, ...rest } = body;
  const counted = Object.fromEntries(Object.entries(known).filter(([name]) => name in body));
  return { ...rest, ...(page.offset > 0 && { offset: page.offset }), ...counted, sessions };
}
