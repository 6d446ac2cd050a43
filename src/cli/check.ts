/** What the checks of `doctor` report. */

/** One finding. `info` and `ok` leave the exit code 0; a `warning` makes it 1, an `error` 2. */
export interface Check {
  readonly name: string;
  readonly level: "ok" | "info" | "warning" | "error";
  readonly text: string;
}

const of =
  (level: Check["level"]) =>
  (name: string, text: string): Check => ({ name, level, text });

/** Makes a finding of a level. */
export const finding = { ok: of("ok"), info: of("info"), warning: of("warning"), error: of("error") };
