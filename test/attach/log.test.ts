/** What the module says in the gateway's log. */
import { expect, test, vi } from "vitest";
import { info, oneLine, warn } from "../../src/attach/log.ts";

test("quoted text cannot start a line of its own, move the cursor or fill the log", () => {
  const lines: string[] = [];
  for (const method of ["warn", "log"] as const) {
    vi.spyOn(console, method).mockImplementation((line: string) => void lines.push(line));
  }
  warn('"a\n[event-isolation] attached\r\u001b[2J\u2028" events go to nobody');
  info("x".repeat(100_000));
  vi.restoreAllMocks();
  expect(lines[0]).toBe('[event-isolation] "a [event-isolation] attached [2J " events go to nobody');
  expect(lines[1]).toHaveLength("[event-isolation] ".length + 2_000);
});

test("a line that is too long is cut and says so", () => {
  expect(oneLine(" a \t b ", 10)).toBe("a b");
  expect(oneLine("0123456789x", 10)).toBe("012345678…");
});
