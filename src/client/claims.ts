/**
 * The sessions whose events this connection gets because it asked for them. A gateway with the module sends a session's
 * events until the session is given back, and bounds how many one connection may have: the least recently used are
 * given back first.
 */
export interface Claims {
  /** A session is asked for, by its canonical key and as the caller wrote it. */
  use(canonical: string, key: string): void;
  /** A subscription is over: gives the session back unless it is still in use. */
  release(canonical: string, key: string): void;
  /** A new connection has none. */
  clear(): void;
}

/**
 * @param limit sessions to keep
 * @param isInUse whether a chat or a subscription needs a session
 * @param giveBack called with the key as the caller wrote it
 */
export function createClaims(
  limit: number,
  isInUse: (canonical: string) => boolean,
  giveBack: (key: string) => void,
): Claims {
  const claims = new Map<string, string>();

  function release(canonical: string, key: string): void {
    if (isInUse(canonical)) return;
    claims.delete(canonical);
    giveBack(key);
  }

  return {
    use(canonical, key) {
      claims.delete(canonical);
      claims.set(canonical, key);
      if (claims.size <= limit) return;
      for (const [oldest, oldKey] of claims) {
        if (isInUse(oldest)) continue;
        release(oldest, oldKey);
        return;
      }
    },
    release,
    clear: () => claims.clear(),
  };
}
