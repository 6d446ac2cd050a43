/** The answer to a question goes where the question went. */
import { expect, test } from "vitest";
import { Questions } from "../../src/policy/questions.ts";
import { routeEvent } from "../../src/policy/session-event.ts";

const KEY = "agent:main:a";

function route(questions: Questions, event: string, payload: object) {
  return questions.route(event, payload, routeEvent(event, payload));
}

test("an answer without a key goes once to the session of its question", () => {
  const questions = new Questions();
  expect(route(questions, "question.requested", { id: "q", sessionKey: KEY })).toMatchObject({ keys: [KEY] });
  expect(route(questions, "question.resolved", { id: "q", answers: ["secret"] })).toMatchObject({
    to: "session",
    keys: [KEY],
  });
  expect(route(questions, "question.resolved", { id: "q", answers: ["secret"] })).toMatchObject({ to: "nobody" });
});

test("an answer to an unknown question goes to nobody", () => {
  expect(route(new Questions(), "question.resolved", { id: "q", answers: ["secret"] })).toEqual({
    to: "nobody",
    reason: "no-key",
  });
});

test("an answer that names its session goes to that session", () => {
  const answer = { id: "q", sessionKey: KEY };
  expect(route(new Questions(), "question.resolved", answer)).toMatchObject({ to: "session", keys: [KEY] });
});

test("a question without a session, and its answer, are sent as upstream sends them", () => {
  const questions = new Questions();
  expect(route(questions, "question.requested", { id: "q" })).toEqual({ to: "all" });
  expect(route(questions, "question.resolved", { id: "q" })).toEqual({ to: "all" });
});

test("an open question reveals its sessions until it is answered", () => {
  const questions = new Questions();
  route(questions, "question.requested", { id: "q", sessionKey: KEY });
  route(questions, "question.requested", { id: "nobody's" });
  expect(["q", "nobody's", "unknown", 7].map((id) => questions.sessionsOf(id))).toEqual([[KEY], [], [], []]);
  route(questions, "question.resolved", { id: "q" });
  expect(questions.sessionsOf("q")).toEqual([]);
});

test("open questions are bounded, and the oldest is forgotten", () => {
  const questions = new Questions();
  for (let index = 0; index <= 1_000; index += 1)
    route(questions, "question.requested", { id: `q${index}`, sessionKey: KEY });
  expect(route(questions, "question.resolved", { id: "q0" })).toMatchObject({ to: "nobody" });
  expect(route(questions, "question.resolved", { id: "q1" })).toMatchObject({ to: "session" });
});
