/** What docs/troubleshooting.md says about a message. */

/** The tables of the page: by when a message comes, or by the code of a refusal. */
export const SECTIONS = {
  start: ["message", "cause", "fix"],
  log: ["message", "what it means", "what to do"],
  denied: ["message", "fix"],
  invalid: ["message", "fix"],
  unavailable: ["message", "fix"],
  command: ["message", "fix"],
  doctor: ["finding", "fix"],
} as const;

type WithCause = "start" | "log";

export type Row<Facts = readonly unknown[]> = {
  /** The facts with which the page shows the message; without, each is `…`. */
  readonly shown?: Facts;
  /** Stands before the message, or after it and those that share the row. */
  readonly before?: string;
  readonly after?: string;
  readonly fix: string;
} & (
  | { readonly section: WithCause; readonly cause: string }
  | { readonly section: Exclude<keyof typeof SECTIONS, WithCause> }
);

type FactsOf<Message> = Message extends (...facts: infer Facts) => string ? Facts : readonly [];

/** Messages that stand in the row of another. */
export type Shared<Catalogue> = { readonly [Name in keyof Catalogue]?: keyof Catalogue };

/** A row for each message of a catalogue, except those that stand in the row of another. */
export type Rows<
  Catalogue,
  Sharing extends { readonly [Name in keyof Sharing]: Exclude<keyof Catalogue, keyof Sharing> },
> = {
  readonly [Name in Exclude<keyof Catalogue, keyof Sharing>]: Row<FactsOf<Catalogue[Name]>>;
};
