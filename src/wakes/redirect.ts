/**
 * Has the release handle a request as if it named no session, and puts what it enqueues on the way
 * into the queue of the session that the request did name. For releases that know no such requests.
 */
import { AsyncLocalStorage } from "node:async_hooks";

/** A session, canonical, as the release names its queue of system events. */
export interface WokenSession {
  readonly sessionKey: string;
  readonly agentId: string;
}

/** Events by their text, as the queue holds it, with the options that they were enqueued with. */
export type SentEvents = Map<string, object>;

/** The handling of one request. */
export interface Redirect {
  /** Unknown until the request has been read: then what is enqueued stays where it is. */
  session: WokenSession | undefined;
  /** What was enqueued for the session. */
  readonly events: SentEvents;
  /** What the request has set off and goes on after it is none of ours. */
  open: boolean;
}

const context = new AsyncLocalStorage<Redirect>();

/** The request that is being handled, if it is one of ours. */
export function currentRedirect(): Redirect | undefined {
  const redirect = context.getStore();
  return redirect?.open ? redirect : undefined;
}

/** Runs a handler within a redirect, and closes the redirect when the handler has ended. */
export async function redirected<T>(redirect: Redirect, handle: () => Promise<T> | T): Promise<T> {
  try {
    return await context.run(redirect, handle);
  } finally {
    redirect.open = false;
  }
}

type Fn = (...args: unknown[]) => unknown;

/** Wraps a function that enqueues a system event, whose options hold the session key. */
export function redirectEvents(enqueue: Fn): Fn {
  return (text, options, ...rest) => {
    const redirect = currentRedirect();
    if (!redirect?.session || typeof text !== "string") return enqueue(text, options, ...rest);
    const routed = { ...(options as object | undefined), sessionKey: redirect.session.sessionKey };
    redirect.events.set(text.trim(), routed);
    return enqueue(text, routed, ...rest);
  };
}

/** Wraps a function that asks for a heartbeat: the one of the named session is asked for by us. */
export function redirectWakes(request: Fn): Fn {
  return (...args) => (currentRedirect()?.session ? undefined : request(...args));
}
