/**
 * Requests that open a session for their connection once the gateway has accepted them, and where they name it.
 *
 * For the judges of what clients got. It shares nothing with the module's own list
 * (`src/policy/claim-intent.ts`), whose work they judge: a method that is missing there or here shows.
 */
export const OPENS: Readonly<Record<string, "sessionKey" | "key" | "keys">> = {
  "board.get": "sessionKey",
  "chat.history": "sessionKey",
  "chat.message.get": "sessionKey",
  "chat.metadata": "sessionKey",
  "chat.send": "sessionKey",
  "chat.startup": "sessionKey",
  "progressCard.get": "sessionKey",
  "session.suggestions.list": "sessionKey",
  "sessions.describe": "key",
  "sessions.get": "key",
  "sessions.messages.subscribe": "key",
  "sessions.preview": "keys",
};

/** Opens its `sessionKey` too, although no release knows it and each refuses it for that. */
export const OPENS_REFUSED = "chat.subscribe";
