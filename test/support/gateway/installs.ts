/**
 * Additional requirements of installing a published release: without scripts, optional and peer
 * dependencies, and with packages that have since left the registry.
 */
import { inRange } from "../../../src/cli/versions.ts";

export type Manifest = {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly overrides?: Readonly<Record<string, unknown>>;
};

interface Need {
  /** The releases that have it. */
  readonly releases: string;
  readonly because: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly overrides?: Readonly<Record<string, unknown>>;
}

const NEEDS: readonly Need[] = [
  {
    releases: "<2026.9",
    because: "a dependency of linkedom names cssomnom, which is not on the registry",
    overrides: { cssomnom: "npm:cssom@0.5.0" },
  },
  {
    releases: "<2026.5",
    because: "they name libsignal by a git address, and a cssom that linkedom has no more",
    overrides: { cssom: "0.5.0", libsignal: "npm:libsignal-node@2.0.1", linkedom: { cssom: "0.5.0" } },
  },
  {
    releases: "<2026.5",
    because: "they import strip-ansi without declaring it",
    dependencies: { "strip-ansi": "^7" },
  },
  {
    releases: ">=2026.3.22 <2026.4.5",
    because: "they load @line/bot-sdk at start, which has axios as an optional dependency only",
    dependencies: { axios: "^1.7.4" },
  },
  {
    releases: ">=2026.4.5 <2026.4.9",
    because: "they load what their plugins need at start, which a script of theirs installs",
    dependencies: {
      "@buape/carbon": "0.14.0",
      "@discordjs/voice": "^0.19.2",
      "@google/genai": "^1.48.0",
      "@grammyjs/runner": "^2.0.3",
      "@grammyjs/transformer-throttler": "^1.2.1",
      "@larksuiteoapi/node-sdk": "^1.60.0",
      "@slack/bolt": "^4.6.0",
      "@slack/web-api": "^7.15.0",
      "discord-api-types": "^0.38.44",
      "google-auth-library": "^10.6.2",
      "https-proxy-agent": "^9.0.0",
      grammy: "^1.41.1",
      opusscript: "^0.1.1",
    },
  },
  {
    releases: ">=2026.2.21 <2026.3.12",
    because: "they load @snazzah/davey at start, whose binary is an optional dependency of the same version",
    dependencies: { "@snazzah/davey": "0.1.12", "@snazzah/davey-linux-x64-gnu": "0.1.12" },
  },
];

/** The manifest with which a release installs. */
export function manifestFor(version: string): Manifest {
  const needs = NEEDS.filter(({ releases }) => inRange(version, releases));
  const overrides = Object.assign({}, ...needs.map((need) => need.overrides ?? {})) as Record<string, unknown>;
  return {
    dependencies: Object.assign({ openclaw: version }, ...needs.map((need) => need.dependencies ?? {})) as Record<
      string,
      string
    >,
    ...(Object.keys(overrides).length > 0 ? { overrides } : {}),
  };
}
