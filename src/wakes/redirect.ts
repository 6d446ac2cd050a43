/**
 * Makes the release handle a request as if it named no session, and puts the events that it enqueues meanwhile into
 * the queue of the session that the request named. For releases that do not support such requests.
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
  /** Undefined until the request has been read: until then events stay where the release puts them. */
  session: WokenSession | undefined;
  /** What was enqueued for the session. */
  readonly events: SentEvents;
  /** False once the request has been handled: work that it started and that continues afterwards is not redirected. */
  open: boolean;
}

const context = new AsyncLocalStorage<Redirect>();

/** The redirect of the request that is being handled, if it has one. */
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

/** Wraps a function that asks for a heartbeat: the module itself asks for the one of the named session. */
export function redirectWakes(request: Fn): Fn {
  return (...args) => (currentRedirect()?.session ? undefined : request(...args));
}
