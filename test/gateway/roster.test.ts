/** The list of sessions, as far as a setting narrows it: newer releases alone send it. */
import { expect, test } from "vitest";
import { connect, converse, freshSession, offers, say, settle, traces } from "./contract.ts";
import { isolatedBed } from "./own-bed.ts";

test('roster "claimed" sends only rows and texts of claimed sessions', async (context) => {
  const { gateway } = await isolatedBed({ settings: { roster: "claimed" } });
  const [own, other] = [freshSession(), freshSession()];
  const [client, sender] = [await connect(gateway), await connect(gateway)];
  if (!offers(client, "sessions.subscribe")) return context.skip("no roster on this release");
  await client.request("chat.history", { sessionKey: own.key });
  await client.request("sessions.subscribe", {});
  await converse(sender, own.key, say(own.id, 3));
  await converse(sender, other.key, say(other.id, 3));
  await settle();
  expect(traces(client, other)).toEqual([]);
  const rows = client.frames.filter(({ event, json }) => event === "sessions.changed" && json.includes(own.key));
  expect(rows).not.toHaveLength(0);
});
