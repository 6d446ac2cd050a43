/** The contract cases of session isolation, run on a gateway that has this patch and not the module. */
import type { Expectation } from "../lib/expected-failures.ts";

const EXPLICIT = "only chat.send, chat.history and chat.startup subscribe implicitly";

export const contract: Expectation = {
  release: "2026.9.6",
  files: ["bystanders", "claims", "hostile", "runs", "sessions"].map((name) => `test/gateway/${name}.test.ts`),
  /** What the module promises and the patch does not. */
  failing: {
    "claims: sessions.preview claims the session": EXPLICIT,
    "claims: sessions.get claims the session": EXPLICIT,
    "claims: `agent` claims the session that it names": EXPLICIT,
    "claims: `agent` claims the main session of the agent that it names": EXPLICIT,
    "claims: sessions.create claims the key that the gateway chose": EXPLICIT,
    "claims: a reset session keeps its claims and a deleted session loses them":
      "subscriptions outlive a deletion, as upstream has it",
    "runs: a client receives the frames of its own sub-agent as on the control gateway, and no other client does":
      "`task` events, whose title may be the prompt, go to all readers",
  },
};
