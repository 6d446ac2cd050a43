/** What docs/troubleshooting.md says about the command's messages. The order is the page's. */
import type { MESSAGES } from "../../../src/cli/messages.ts";
import type { Rows, Shared } from "./row.ts";

type Catalogue = typeof MESSAGES;

/** Messages with the fix of another: they stand in its row. */
export const COMMAND_SHARED = {
  oldNodeToConnect: "oldNodeToRun",
  oddVersion: "notNode",
  unreachable: "hostNotFound",
  tokenRefused: "noTokenGiven",
  needsTls: "noTls",
  otherCertificate: "unknownCertificate",
  closedEarly: "notConnected",
  refused: "notConnected",
  tokenFileUnreadable: "twoTokens",
  noToken: "twoTokens",
  notObject: "notJson5",
  unchangeable: "unreadable",
  wakeIgnoresAgents: "wakeIgnoresKeys",
  cronWithoutRuns: "noTokenWord",
  reportUnwritable: "noTokenWord",
  settingsUnreadable: "settingsRefused",
  dropInOutdated: "unitWithoutModule",
  isBun: "scriptRunsBun",
} as const satisfies Shared<Catalogue>;

const AS_IT_SAYS = "as it says";

export const COMMAND_ROWS: Rows<Catalogue, typeof COMMAND_SHARED> = {
  noOpenclaw: { section: "command", fix: "install it, or name its folder with `--openclaw`" },
  noOpenclawIn: { section: "command", fix: "name the right folder" },
  noDist: { section: "command", fix: "name a folder with `dist`, not a checkout" },
  oldNodeToRun: { section: "command", fix: "use a newer Node, or `--node` for `run`; `run` ends with 78" },
  notNode: { section: "command", fix: "`--node` takes the path of a Node executable" },
  badUrl: { section: "command", fix: AS_IT_SAYS },
  nothingListens: {
    section: "command",
    fix: "as it says; without `--url`, the command uses the port of OpenClaw's configuration",
  },
  hostNotFound: { section: "command", fix: AS_IT_SAYS },
  notOpenclaw: { section: "command", fix: "another program uses the port, or the gateway is still starting" },
  noTokenGiven: {
    section: "command",
    fix: "check the token: `OPENCLAW_GATEWAY_TOKEN`, `--token-file` or `--token-stdin`",
  },
  otherProtocol: { section: "command", fix: AS_IT_SAYS },
  noTls: { section: "command", fix: AS_IT_SAYS },
  unknownCertificate: {
    section: "command",
    fix: "compare the fingerprint with the gateway's own before you pass it on",
  },
  notConnected: {
    section: "command",
    fix: "the reason is in the gateway's own words; its log says more",
  },
  twoTokens: { section: "command", fix: "use one source with a token in it" },
  notJson5: { section: "command", fix: "correct OpenClaw's configuration" },
  unreadable: { section: "command", fix: "check the file's owner and mode" },
  runnersCache: {
    section: "command",
    fix: "install it globally with the package manager of your choice, and run `enable` from there",
  },
  noUnit: {
    section: "command",
    fix: "as it says; for a gateway that is not a service, use `--for shell` or `--for docker`",
  },
  environmentFile: { section: "command", fix: AS_IT_SAYS },
  unsetEnvironment: { section: "command", fix: AS_IT_SAYS },
  noStatusMethod: { section: "command", fix: "install the [plugin](plugin.md), or use `probe`" },
  statusDenied: { section: "command", fix: "use `openclaw isolation status`" },
  otherStatusFormat: { section: "command", fix: "use the same version of the command and the plugin" },
  wakeIgnoresKeys: {
    section: "command",
    fix: "the gateway knows neither session keys nor agents in a wake; start it with the module",
  },
  blankText: { section: "command", before: "`the gateway refused wake: …`: ", fix: "give the event a text" },
  noTokenWord: { section: "command", fix: AS_IT_SAYS },
  cronTimedOut: {
    section: "command",
    before: "`inconclusive: the cron job did not finish: …`, such as ",
    fix: "raise `--timeout`, or check the gateway's log for why the job failed",
  },

  missingSeams: { section: "doctor", fix: "install a newer version of this package" },
  lostFunctions: {
    section: "doctor",
    shown: ["…", ""],
    fix: "the module works without them as the brackets say, or uses others; [releases.md](releases.md) shows which release declares which function",
  },
  otherRelease: {
    section: "doctor",
    shown: ["…", "newer", "…", "…"],
    after: ", or older",
    fix: "`probe` shows whether it works; [releases.md](releases.md) lists the tried releases",
  },
  oldNode: { section: "doctor", fix: "use a newer Node" },
  unitRunsBun: { section: "doctor", fix: "as it says; see [install.md](install.md#bun)" },
  scriptRunsBun: { section: "doctor", fix: "use Node; see [install.md](install.md#bun)" },
  unitRunsOldNode: { section: "doctor", fix: "install the service with a newer Node" },
  unitRunsNoNode: { section: "doctor", fix: "correct the unit's `ExecStart=`" },
  settingsRefused: { section: "doctor", fix: "correct the settings, as above" },
  pluginNotInstalled: { section: "doctor", fix: "install the plugin, or use a settings file" },
  settingsAtTop: { section: "doctor", fix: "as it says; [settings.md](settings.md) has an example" },
  pluginDisabled: {
    section: "doctor",
    fix: 'as it says: 2026.9 leaves the entry `"enabled": false` when the plugin is uninstalled, and it disables the plugin when it is installed again',
  },
  hasInclude: { section: "doctor", fix: "check them yourself" },
  badInterval: { section: "doctor", fix: "write an interval such as `30m`" },
  shortInterval: { section: "doctor", fix: "set a longer interval, or a shorter quiet time" },
  emptyHours: { section: "doctor", fix: AS_IT_SAYS },
  hooksOpen: { section: "doctor", fix: AS_IT_SAYS },
  unitWithoutModule: { section: "doctor", fix: AS_IT_SAYS },
  withoutModule: { section: "doctor", fix: AS_IT_SAYS },
  restartNeeded: { section: "doctor", fix: AS_IT_SAYS },
  notChecked: {
    section: "doctor",
    fix: "the message says why the running gateway was not checked; see above",
  },
};
