/** Reads the environment of a service from systemd's unit files. */

export interface UnitEnvironment {
  /** The value that `Environment=` gives the variable; undefined if it is not set. */
  readonly value: string | undefined;
  /** Files of `EnvironmentFile=`, in order. They override `Environment=`. */
  readonly files: readonly string[];
  /** Whether `UnsetEnvironment=` removes the variable. */
  readonly unset: boolean;
  /** The words of `ExecStart=`, from the program on; empty without one. */
  readonly command: readonly string[];
}

/**
 * Reads one variable from a unit file and its drop-ins together.
 *
 * @param texts the unit file first, then the drop-ins in systemd's order
 */
export function unitEnvironment(texts: readonly string[], variable: string): UnitEnvironment {
  let value: string | undefined;
  let files: string[] = [];
  let unset = false;
  let command: readonly string[] = [];
  for (const [key, text] of texts.flatMap(serviceLines)) {
    const list = words(text);
    switch (key) {
      case "Environment":
        if (list.length === 0) value = undefined;
        for (const word of list) if (word.startsWith(`${variable}=`)) value = word.slice(variable.length + 1);
        break;
      case "EnvironmentFile":
        // Not a list: one path, which may contain spaces.
        files = text === "" ? [] : [...files, withoutSpecifiers(text.replace(/^-/, ""))];
        break;
      case "UnsetEnvironment":
        unset = list.length > 0 && (unset || list.includes(variable));
        break;
      case "ExecStart":
        if (list.length > 0) command = fromProgram(list);
        break;
    }
  }
  return { value, files, unset, command };
}

/** A command line from its program on, without `env` and the variables that it sets. */
function fromProgram([first, ...rest]: readonly string[]): readonly string[] {
  const program = first!.replace(/^[-@:+!]+/, "");
  const behindEnv = program.endsWith("/env") ? rest.findIndex((word) => !/^-|=/.test(word)) : -1;
  return behindEnv < 0 ? [program, ...rest] : rest.slice(behindEnv);
}

/** The value that an environment file gives a variable, in systemd's (and the shell's) simple form. */
export function environmentFileValue(text: string, variable: string): string | undefined {
  let value: string | undefined;
  for (const line of logicalLines(text)) {
    const match = /^\s*(?:export\s+)?(\w+)\s*=\s*(.*?)\s*$/.exec(line);
    if (match?.[1] === variable) value = words(match[2]!, false).join(" ");
  }
  return value;
}

/** A drop-in that sets one variable. */
export function dropIn(variable: string, value: string, comments: readonly string[]): string {
  const quoted = `${variable}=${value}`.replaceAll(/[\\"]/g, "\\$&").replaceAll("%", "%%");
  return [...comments.map((comment) => `# ${comment}`), "[Service]", `Environment="${quoted}"`, ""].join("\n");
}

/** Assignments of the `[Service]` section. */
function serviceLines(text: string): [key: string, value: string][] {
  const lines: [string, string][] = [];
  let section = "";
  for (const line of logicalLines(text)) {
    const header = /^\s*\[(.*)\]\s*$/.exec(line);
    const assignment = /^\s*(\w+)\s*=\s*(.*?)\s*$/.exec(line);
    if (header) section = header[1]!;
    else if (assignment && section === "Service") lines.push([assignment[1]!, assignment[2]!]);
  }
  return lines;
}

/** Lines without comments; a backslash at the end of a line joins it with the next. */
function logicalLines(text: string): string[] {
  const lines: string[] = [];
  let open = "";
  for (const line of text.split(/\r?\n/)) {
    if (/^\s*[#;]/.test(line)) continue;
    if (line.endsWith("\\")) {
      open += `${line.slice(0, -1)} `;
      continue;
    }
    lines.push(open + line);
    open = "";
  }
  return open === "" ? lines : [...lines, open];
}

/** Splits at spaces; quotes group, a backslash escapes the next character. */
function words(text: string, specifiers = true): string[] {
  const found = text.match(/(?:[^\s"'\\]|\\.|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')+/g) ?? [];
  const plain = found.map((word) =>
    word.replaceAll(
      /"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|\\(.)/g,
      (_, double: string | undefined, single: string | undefined, escaped: string | undefined) =>
        escaped ?? (double ?? single ?? "").replaceAll(/\\(.)/g, "$1"),
    ),
  );
  return specifiers ? plain.map(withoutSpecifiers) : plain;
}

/** `%%` is a percent sign. Other specifiers stay as they are: they do not affect Node's options. */
function withoutSpecifiers(text: string): string {
  return text.replaceAll("%%", "%");
}
