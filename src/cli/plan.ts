/** The plan of `enable` or `disable`, as data: `--dry-run` prints it, otherwise it is carried out. */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { Failure, oneLine } from "./failure.ts";
import { MESSAGES } from "./messages.ts";

export interface Plan {
  /** The target, e.g. `systemd: openclaw-gateway.service`. */
  readonly title: string;
  /** The file that it writes, if any; `content` undefined removes it. */
  readonly file?: { readonly path: string; readonly content: string | undefined };
  /** Further notes for the user. */
  readonly notes: readonly string[];
  /** Steps for the user: commands to run, or lines to add somewhere. */
  readonly steps: readonly string[];
}

/** The text of a file; undefined if it does not exist. */
export function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new Failure(MESSAGES.unreadable(path, oneLine((cause as Error).message)), { cause });
  }
}

/**
 * Carries out a plan, or with `dryRun` only describes it.
 *
 * @returns the lines to print
 * @throws {Failure} if a file cannot be written or removed
 */
export function carryOut(plan: Plan, dryRun: boolean): string[] {
  const lines = [plan.title];
  const { file } = plan;
  let changed = true;
  if (file) {
    const before = textOf(file.path);
    changed = before !== file.content;
    if (!changed) lines.push(file.content === undefined ? "nothing to remove" : `unchanged: ${file.path}`);
    else {
      const doing = file.content === undefined ? "remove" : "write";
      if (!dryRun) change(file.path, file.content);
      lines.push(`${dryRun ? `would ${doing}` : doing === "write" ? "wrote" : "removed"} ${file.path}`);
      if (file.content !== undefined) lines.push(...indented(file.content.trimEnd().split("\n")));
    }
  }
  lines.push(...plan.notes.map((note) => `note: ${note}`));
  if (changed && plan.steps.length > 0) {
    lines.push(file ? "then:" : "do this:", ...indented(plan.steps.flatMap((step) => step.split("\n"))));
  }
  return lines;
}

function change(path: string, content: string | undefined): void {
  const folder = dirname(path);
  try {
    if (content === undefined) {
      rmSync(path);
      if (readdirSync(folder).length === 0) rmdirSync(folder);
      return;
    }
    mkdirSync(folder, { recursive: true });
    // A service that starts meanwhile reads the old file or the new one, never half of one.
    const scratch = `${path}.${process.pid}.tmp`;
    writeFileSync(scratch, content);
    renameSync(scratch, path);
  } catch (cause) {
    throw new Failure(MESSAGES.unchangeable(path, oneLine((cause as Error).message)), { cause });
  }
}

function indented(lines: readonly string[]): string[] {
  return lines.map((line) => `  ${line}`);
}
