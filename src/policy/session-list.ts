/**
 * The list of sessions for a connection that may see some of them: the gateway is asked for all of it, and
 * pages, counts and facets are made of the rows that are left. Nothing in it depends on the others.
 */
import { type Fields, fieldsOf } from "./fields.ts";

/** Rows that the gateway is asked for. Behind them a restricted connection sees nothing. */
const MAX_ROWS = 10_000;

/** What the gateway takes where a request names no limit, on the releases that have one. */
const DEFAULT_LIMIT = 100;

/** The part of a list that a client asked for. */
export interface ListPage {
  readonly limit?: number;
  readonly offset: number;
}

/**
 * What to ask the gateway for, and what to show of it. `ownerFirst` is left out: it would put rows twice.
 *
 * @returns nothing for a `sessions.subscribe` without parameters, which is answered without a list
 */
export function wholeList(method: string, body: Fields): { ask: Fields; page: ListPage } | undefined {
  if (method === "sessions.subscribe" && Object.keys(body).length === 0) return undefined;
  const { limit, offset, ownerFirst: _, ...rest } = body;
  // Of another type the gateway refuses them; the release may know no offset.
  const wrong = !wanted(limit, 1) ? { limit } : !wanted(offset, 0) ? { offset } : undefined;
  const page = { ...(typeof limit === "number" && { limit }), offset: typeof offset === "number" ? offset : 0 };
  return { ask: { ...rest, limit: MAX_ROWS, ...wrong }, page };
}

function wanted(value: unknown, least: number): boolean {
  return value === undefined || (typeof value === "number" && Number.isSafeInteger(value) && value >= least);
}

/**
 * The page of a list whose rows have been filtered, with its counts. Facets that sum up all sessions are empty.
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
