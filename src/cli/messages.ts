/**
 * The messages of the command: its failures, and the warnings and errors of `doctor`. A message says what happened,
 * then what to do. Texts only. The results that a subcommand prints are in its own file.
 *
 * scripts/docs/troubleshooting/ has the cause and the fix of each.
 */
export const MESSAGES = {
  // OpenClaw, Node and files.
  noOpenclaw:
    "openclaw not found in PATH, npm's global packages or a node_modules folder here: install it, or pass its folder with --openclaw",
  noOpenclawIn: (folder: string) =>
    `no openclaw package in ${folder}: --openclaw expects the folder with its package.json`,
  noDist: (folder: string) =>
    `${folder} cannot be read: pass the folder of an installed openclaw package, not of a checkout`,
  oldNodeToRun: (version: string, path: string, oldest: string) =>
    `Node ${version} (${path}) is too old to load the module, so the gateway was not started: update Node to ${oldest} or newer, or pass a newer one with --node`,
  oldNodeToConnect: (version: string, oldest: string) =>
    `Node ${version} is too old to connect to a gateway: update Node to ${oldest} or newer`,
  notNode: (path: string, reason: string) => `${path} is not a Node.js executable: ${reason}`,
  oddVersion: (text: string) => `--version printed "${text}"`,
  unreadable: (path: string, reason: string) => `${path} cannot be read: ${reason}`,
  unchangeable: (path: string, reason: string) => `${path} cannot be changed: ${reason}`,
  notJson5: (path: string, reason: string) => `${path} is not valid JSON5: ${reason}`,
  notObject: (path: string) => `${path} must contain an object`,
  twoTokens: "--token-file and --token-stdin exclude each other: pass only one",
  tokenFileUnreadable: (reason: string) => `the token file cannot be read: ${reason}`,
  noToken: (source: string) => `no token in ${source}: expected the gateway's token`,

  // The connection to a gateway.
  badUrl: (url: string) => `invalid gateway URL "${url}": expected ws://host:port or wss://host:port`,
  nothingListens: (url: string) => `nothing listens at ${url}: start the gateway, or check its address and port`,
  hostNotFound: (host: string) => `host ${host} not found: check the gateway's address`,
  unreachable: (url: string) => `${url} cannot be reached: check the address and the network`,
  otherCertificate: (url: string, fingerprint: string) =>
    `the certificate of ${url} does not match --tls-fingerprint: its fingerprint is ${fingerprint}`,
  unknownCertificate: (url: string, reason: string, fingerprint: string) =>
    `the certificate of ${url} is not signed by a known authority (${reason}): if it is your gateway's certificate, pass --tls-fingerprint ${fingerprint}`,
  noTls: (url: string) => `${url} does not speak TLS: use ws:// instead of wss://`,
  needsTls: (url: string) => `${url} is not on this machine or its network: use wss://, or check the host name`,
  otherProtocol: (url: string, oldest: number, newest: number, reason: string) =>
    `the gateway at ${url} does not speak protocol version ${oldest} or ${newest}: update openclaw-event-isolation (${reason})`,
  notOpenclaw: (url: string, reason: string) =>
    `${url} does not answer like an OpenClaw gateway (${reason}): check the port, or wait until the gateway has started`,
  noTokenGiven: (url: string, reason: string) =>
    `the gateway at ${url} refused this connection (${reason}): no token was given: set OPENCLAW_GATEWAY_TOKEN or use --token-file, or leave out the address to use the one and the token in OpenClaw's configuration`,
  tokenRefused: (url: string, reason: string) =>
    `the gateway at ${url} refused this connection (${reason}): check that OPENCLAW_GATEWAY_TOKEN, --token-file or --token-stdin has the gateway's token`,
  notConnected: (url: string, reason: string) => `cannot connect to ${url}: ${reason}`,
  closedEarly: (code: number, reason: string) => `closed before the gateway's hello: ${code} ${reason}`,
  refused: (method: string, reason: string) => `the gateway refused ${method}: ${reason}`,

  // `enable`.
  runnersCache:
    "this copy is in the cache of npx, pnpm dlx, yarn dlx or bunx, which is emptied from time to time: run npm install --global openclaw-event-isolation, then run enable again",
  /** @param own whether it is a user unit, which OpenClaw itself can install */
  noUnit: (unit: string, folders: string, own: boolean) =>
    `no unit ${unit} in ${folders}: install the service first${own ? " (openclaw gateway install)" : ""}, or name another unit with --unit`,
  environmentFile: (file: string, unit: string, options: string) =>
    `${file}, an EnvironmentFile of ${unit}, sets NODE_OPTIONS and overrides any drop-in: set it there to ${options}`,
  unsetEnvironment: (unit: string) =>
    `${unit} unsets NODE_OPTIONS (UnsetEnvironment=): remove that line, then run enable again`,
  unitRunsBun: (program: string, toNode: string) =>
    `the unit runs Bun (${program}), which ignores NODE_OPTIONS and cannot load the module, so the gateway would run unprotected: ${toNode}`,
  unitRunsOldNode: (version: string, program: string, oldest: string) =>
    `the unit runs Node ${version} (${program}), which is too old to load the module: install the service with Node ${oldest} or newer`,
  unitRunsNoNode: (program: string) =>
    `the unit's Node (${program}) does not answer --version: correct the unit's ExecStart=`,

  // `status`, `wake` and `probe`.
  noStatusMethod: (url: string, plugin: string) =>
    `the gateway at ${url} does not say whether it is protected, because the optional plugin event-isolation is not installed or not enabled there. Run openclaw-event-isolation probe --allow-runs to find out. Or start the gateway with openclaw-event-isolation run, then run openclaw plugins install "${plugin}" (2026.9 also needs --force --accept-capabilities), or openclaw plugins enable event-isolation if it is installed`,
  statusDenied: (url: string) =>
    `the access rules of the gateway at ${url} deny isolation.status to this command, which has no device: use openclaw isolation status, with a rule that allows the openclaw command all sessions (docs/access.md)`,
  otherStatusFormat: (url: string, version: string) =>
    `the gateway at ${url} answers isolation.status in the format of another version of openclaw-event-isolation (${version}): use that version's command`,
  wakeIgnoresKeys: (url: string) =>
    `the gateway at ${url} would send this to its main session because it ignores session keys: start it with openclaw-event-isolation, or leave out --session-key`,
  wakeIgnoresAgents: (url: string) =>
    `the gateway at ${url} would send this to its main session because it ignores agents: start it with openclaw-event-isolation, or leave out --agent`,
  blankText: "the text is blank",
  noTokenWord: "--message must contain {token}, by which probe recognises its own text",
  cronWithoutRuns: "--allow-cron works only together with --allow-runs: add --allow-runs",
  reportUnwritable: (reason: string) => `the report cannot be written: ${reason}`,
  cronTimedOut: "it did not end in time",

  // `doctor`.
  otherRelease: (release: string, age: "newer" | "older", oldest: string, newest: string) =>
    `OpenClaw ${release} is ${age} than the releases that this version of the module knows (${oldest} to ${newest}): run openclaw-event-isolation probe to see whether it works`,
  oldNode: (version: string, oldest: string) =>
    `Node ${version} cannot load the module: run the gateway with Node ${oldest} or newer`,
  missingSeams: (seams: string) =>
    `the module cannot attach because this release has no ${seams}, so a gateway with it exits with code 78: update openclaw-event-isolation`,
  /** @param without what the module lacks without them; empty if nothing */
  lostFunctions: (functions: string, without: string) =>
    `functions that this release should declare were not found: ${functions}${without === "" ? "" : ` (so ${without})`}; please report it`,
  isBun: (version: string) => `Bun ${version} cannot load the module: run the gateway with Node`,
  scriptRunsBun: (script: string) =>
    `${script} runs Bun, which ignores NODE_OPTIONS and cannot load the module, so a gateway that it starts would run unprotected: use openclaw-event-isolation run, which starts Node`,
  dropInOutdated: (unit: string, enable: string) => `the drop-in of ${unit} is outdated: run ${enable}`,
  unitWithoutModule: (unit: string, enable: string) => `${unit} starts without the module: run ${enable}`,
  hasInclude: (path: string) => `${path} has $include: the files that it names were not checked`,
  /** @param keys such as `observers, roster` */
  settingsAtTop: (keys: string, path: string) =>
    `${path} has ${keys} at its top level, where OpenClaw refuses to start with it: move the settings of the module to plugins.entries["event-isolation"].config`,
  settingsUnreadable: (reason: string) => `the settings cannot be read: ${reason}`,
  settingsRefused: (problem: string) => `${problem}; a gateway with these settings exits with code 78`,
  pluginNotInstalled: (release: string) =>
    `OpenClaw ${release} may refuse to start with plugins.entries["event-isolation"] while that plugin is not installed: install it, or name a file with OPENCLAW_EVENT_ISOLATION_CONFIG`,
  pluginDisabled:
    "the plugin event-isolation is installed but disabled, so nothing keeps a gateway from starting without the module: run openclaw plugins enable event-isolation, or uninstall it",
  badInterval: (agent: string, every: string) =>
    `agent ${agent}: invalid heartbeat interval "${every}": expected a duration such as 30m`,
  shortInterval: (agent: string, every: string, quietMs: number) =>
    `agent ${agent}: the heartbeat interval ${every} is not longer than the quiet time after a run (heartbeat.quietMs ${quietMs}), so a heartbeat may wait for heartbeat.maxDeferMs: set a longer interval or a shorter quiet time`,
  emptyHours: (agent: string, start: string) =>
    `agent ${agent}: heartbeat.activeHours end when they begin (${start}), so the agent has no heartbeats, and on most releases the output of its cron runs' commands waits: set another end, or remove activeHours`,
  hooksOpen: "on, and any caller with the hooks' token may name any session: set hooks.allowedSessionKeyPrefixes",
  /** @param missing required seams; empty if the module was not loaded */
  withoutModule: (url: string, missing: string) =>
    `${url} runs WITHOUT the module${missing === "" ? "" : ` (no ${missing})`}: every client gets the events of every session; start it with openclaw-event-isolation run, or run openclaw-event-isolation enable`,
  restartNeeded: (running: string, installed: string) =>
    `the gateway runs OpenClaw ${running}, but ${installed} is installed: restart the gateway`,
  notChecked: (reason: string) => `not checked: ${reason}`,
} as const;
