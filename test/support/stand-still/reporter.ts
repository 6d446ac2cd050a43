/** Ends a run of the tests that stands still, with the names of the cases and hooks that were running. */
import { writeSync } from "node:fs";
import { relative } from "node:path";
import type { ReportedHookContext, Reporter, TestCase, TestModule, TestSuite } from "vitest/node";
import { descendantsOf, killAll } from "../gateway/process-tree.ts";

const STILL_MS = 120_000;
/** How long vitest may take to report a case that has reached its own timeout. */
const GRACE_MS = 15_000;

interface Running {
  readonly what: string;
  readonly since: number;
  /** When vitest itself should have ended it; at once for a case without a timeout. */
  readonly until: number;
}

type Part = TestCase | TestSuite | TestModule;

/**
 * A reporter that ends the run with exit code 1 once no case, hook or file has begun or ended for `stillMs` and
 * whatever is running has passed its own timeout. It kills all that the run started by its pid: the workers, and the
 * gateways below them.
 */
export default class StandStill implements Reporter {
  readonly #stillMs: number;
  readonly #graceMs: number;
  readonly #running = new Map<string, Running>();
  #lastAt = 0;
  #timer: NodeJS.Timeout | undefined;

  /** The options are for its own test. */
  constructor({ stillMs = STILL_MS, graceMs = GRACE_MS }: { stillMs?: number; graceMs?: number } = {}) {
    [this.#stillMs, this.#graceMs] = [stillMs, graceMs];
  }

  onTestModuleStart(module: TestModule): void {
    // Not before the first file: until then releases may be installed, with bounds of their own.
    this.#timer ??= setInterval(() => this.#look(), 1_000).unref();
    this.#begins(module.id, nameOf(module));
  }

  onTestModuleEnd(module: TestModule): void {
    this.#ends(module.id);
  }

  onTestCaseReady(test: TestCase): void {
    this.#begins(test.id, nameOf(test), test.options.timeout ?? test.project.config.testTimeout);
  }

  onTestCaseResult(test: TestCase): void {
    this.#ends(test.id);
  }

  onHookStart({ name, entity }: ReportedHookContext): void {
    this.#begins(`${name} ${entity.id}`, `${nameOf(entity)} > ${name}`, entity.project.config.hookTimeout);
  }

  onHookEnd({ name, entity }: ReportedHookContext): void {
    this.#ends(`${name} ${entity.id}`);
  }

  onTestRunEnd(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#running.clear();
  }

  #begins(id: string, what: string, timeoutMs = 0): void {
    const now = (this.#lastAt = Date.now());
    const bounded = timeoutMs > 0 && Number.isFinite(timeoutMs);
    this.#running.set(id, { what, since: now, until: bounded ? now + timeoutMs + this.#graceMs : now });
  }

  #ends(id: string): void {
    this.#lastAt = Date.now();
    this.#running.delete(id);
  }

  #look(): void {
    const now = Date.now();
    const running = [...this.#running.values()];
    if (now - this.#lastAt < this.#stillMs || running.some(({ until }) => until > now)) return;
    // A file is named only if none of its cases and hooks is.
    const named = running.filter(({ what }) => !running.some((other) => other.what.startsWith(`${what} > `)));
    const lines = named.map(({ what, since }) => `  ${what} (for ${seconds(now - since)})`);
    const head = `the run has stood still for ${seconds(now - this.#lastAt)} and is ended`;
    writeSync(2, `\n${[`${head}; running:`, ...(lines.length > 0 ? lines : ["  nothing"])].join("\n")}\n`);
    killAll(descendantsOf(process.pid));
    process.exit(1);
  }
}

const seconds = (ms: number): string => `${Math.round(ms / 1_000)} s`;

/** The file and, of a suite or a case, its full name. */
function nameOf(part: Part): string {
  if (part.type === "module") return relative(process.cwd(), part.moduleId);
  return `${nameOf(part.module)} > ${part.fullName}`;
}
