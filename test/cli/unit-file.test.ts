import { describe, expect, test } from "vitest";
import { dropIn, environmentFileValue, unitEnvironment } from "../../src/cli/unit-file.ts";

const service = (...lines: string[]): string => ["[Service]", ...lines, ""].join("\n");
const valueOf = (...texts: string[]): string | undefined => unitEnvironment(texts, "NODE_OPTIONS").value;

describe("NODE_OPTIONS of a unit", () => {
  test.each([
    ["unquoted", "Environment=NODE_OPTIONS=--a", "--a"],
    ["quoted as a whole", 'Environment="NODE_OPTIONS=--a --b"', "--a --b"],
    ["quoted by single quotes", "Environment='NODE_OPTIONS=--a --b'", "--a --b"],
    ["quoted in their value only", 'Environment=NODE_OPTIONS="--a --b"', "--a --b"],
    ["among others", 'Environment=A=1 "NODE_OPTIONS=--a" B=2', "--a"],
    ["with escapes", 'Environment="NODE_OPTIONS=--t=\\"x\\" \\\\"', '--t="x" \\'],
    ["with a percent sign", "Environment=NODE_OPTIONS=file:///a%%20b", "file:///a%20b"],
    ["over two lines", "Environment=A=1 \\\n  NODE_OPTIONS=--a", "--a"],
    ["empty", "Environment=NODE_OPTIONS=", ""],
    ["missing", "Environment=OTHER_NODE_OPTIONS=--a", undefined],
    ["in a comment", "#Environment=NODE_OPTIONS=--a", undefined],
  ])("the unit reader understands NODE_OPTIONS that are %s", (_, line, value) => {
    expect(valueOf(service(line))).toBe(value);
  });

  test("the last assignment of NODE_OPTIONS wins, an empty Environment= clears it, and other sections do not count", () => {
    const base = service("Environment=NODE_OPTIONS=--a");
    expect(valueOf(base, service("Environment=NODE_OPTIONS=--b"))).toBe("--b");
    expect(valueOf(base, service("Environment="))).toBeUndefined();
    expect(valueOf(base, "[Unit]\nEnvironment=NODE_OPTIONS=--c\n")).toBe("--a");
  });

  test("environment files and what takes NODE_OPTIONS away are reported", () => {
    const { files, unset, command } = unitEnvironment(
      [service("ExecStart=-/usr/bin/node /x/openclaw.mjs", "EnvironmentFile=-/a b", "UnsetEnvironment=NODE_OPTIONS")],
      "NODE_OPTIONS",
    );
    expect({ files, unset, command }).toEqual({
      files: ["/a b"],
      unset: true,
      command: ["/usr/bin/node", "/x/openclaw.mjs"],
    });
    expect(environmentFileValue("A=1\nexport NODE_OPTIONS='--a --b'\n", "NODE_OPTIONS")).toBe("--a --b");
    expect(environmentFileValue("A=NODE_OPTIONS=1\n", "NODE_OPTIONS")).toBeUndefined();
  });

  test.each(["--a", '--t="a b" \\', "--import=file:///a%20b/x.js", "'"])(
    "NODE_OPTIONS written by dropIn are read back: %s",
    (value) => {
      expect(valueOf(dropIn("NODE_OPTIONS", value, ["a comment"]))).toBe(value);
    },
  );
});
