/** OpenClaw's own Control UI in a browser: what a person does there, and what a person sees. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import type { Gateway } from "./gateway.ts";
import { capabilities } from "./capabilities.ts";
import type { Release } from "./release.ts";
import { ARTIFACTS, until } from "./watch.ts";
import { isObject, recordPage, type WireLog } from "../wire/wire-log.ts";

const TIMEOUT_MS = 90_000;

export interface ControlUi {
  readonly page: Page;
  readonly wire: WireLog;
  /** Errors and warnings of the console, errors of scripts, and failed requests, without what varies. */
  readonly complaints: ReadonlySet<string>;
  /** The id of the device that the page proved to the gateway. */
  deviceId(): string;
  addressOf(sessionKey: string): string;
  /** Opens a session that there is by its address, as a bookmark does. */
  open(sessionKey: string): Promise<void>;
  /** Picks a session that is in the list. */
  pick(sessionKey: string): Promise<void>;
  /** Whether the list of sessions offers a session. */
  lists(sessionKey: string): Promise<boolean>;
  say(message: string): Promise<void>;
  stop(): Promise<void>;
  /** Whether a run can be stopped. */
  running(): Promise<boolean>;
  /** The conversation that is shown. */
  conversation(): Promise<string>;
  /** All that is shown. */
  text(): Promise<string>;
  screenshot(step: string): Promise<void>;
  close(): Promise<void>;
}

/** A person's browser: a device, a window and a log of their own, logged in by an address with the token. */
export async function openControlUi(
  browser: Browser,
  gateway: Pick<Gateway, "port" | "token" | "release">,
  name: string,
  sessionKey?: string,
): Promise<ControlUi> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  context.setDefaultTimeout(TIMEOUT_MS);
  const page = await context.newPage();
  const wire = recordPage(page);
  const complaints = new Set<string>();
  const complain = (text: string): void => void complaints.add(withoutChance(text));
  page.on("console", (message) => {
    if (message.type() === "error") complain(message.text());
  });
  page.on("pageerror", (error) => complain(error.message));
  const address = (path: string): string => `http://127.0.0.1:${gateway.port}${path}`;
  const composer = page.locator("textarea:visible").last();
  const stopButton = page.locator(".chat-send-btn--stop:visible");
  const ready = async (): Promise<void> => {
    await composer.waitFor();
    // The composer can be there before the connection.
    await until(async () => (await composer.isEnabled()) && connected(wire), `${name} is connected`);
  };

  const ui: ControlUi = {
    page,
    wire,
    complaints,
    deviceId() {
      const connect = wire.entries.find(({ frame }) => frame["method"] === "connect")?.frame["params"];
      const device = isObject(connect) ? connect["device"] : undefined;
      return isObject(device) ? String(device["id"]) : "";
    },
    addressOf: (key) => address(pathOf(gateway.release, key)),
    async open(key) {
      await page.goto(ui.addressOf(key));
      await ready();
    },
    async pick(key) {
      const select = page.locator("select[data-chat-session-select]:visible").first();
      if ((await select.count()) > 0) await select.selectOption(key);
      else await page.locator(rowOf(key)).first().click();
      await ready();
    },
    async lists(key) {
      const option = `select[data-chat-session-select] option[value="${key}"]`;
      return (
        (await page
          .locator(option)
          .or(page.locator(rowOf(key)))
          .count()) > 0
      );
    },
    async say(message) {
      await composer.fill(message);
      await composer.press("Enter");
    },
    stop: () => stopButton.first().click(),
    running: async () => (await stopButton.count()) > 0,
    conversation: async () => (await page.locator(".chat-thread").allInnerTexts()).join("\n"),
    text: () => textOf(page),
    async screenshot(step) {
      await mkdir(ARTIFACTS, { recursive: true });
      await page.screenshot({ path: join(ARTIFACTS, `control-ui-${gateway.release.version}-${step}.png`) });
    },
    close: () => context.close(),
  };
  try {
    await page.goto(`${sessionKey === undefined ? address("/") : ui.addressOf(sessionKey)}#token=${gateway.token}`);
    await ready();
    return ui;
  } catch (error) {
    await ui.screenshot(`FAILED-login-${name}`).catch(() => undefined);
    await context.close();
    throw error;
  }
}

/** The link to a session in the list of 2026.9. */
function rowOf(sessionKey: string): string {
  return `[data-session-key="${sessionKey}"] a.sidebar-recent-session__link`;
}

function pathOf(release: Release, sessionKey: string): string {
  const [, agent = "", ...rest] = sessionKey.split(":");
  return capabilities(release).hasSessionPages
    ? `/chat/${agent}/${encodeURIComponent(rest.join(":"))}`
    : `/chat?session=${encodeURIComponent(sessionKey)}`;
}

function connected({ entries }: WireLog): boolean {
  const last = entries.at(-1)?.connection;
  return entries.some(
    ({ connection, frame }) =>
      connection === last && isObject(frame["payload"]) && frame["payload"]["type"] === "hello-ok",
  );
}

/** Ids, ports and times differ from page to page. */
function withoutChance(text: string): string {
  return text.replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{32,}|\d+/gi, "#").slice(0, 300);
}

/** All text of a page, that of its components included. */
export async function textOf(page: Page): Promise<string> {
  return String(await page.evaluate(TEXT_OF_PAGE));
}

/** As text, since a compiled function brings helpers along. */
const TEXT_OF_PAGE = `(() => {
  const textOf = (node) =>
    node.nodeType === Node.TEXT_NODE
      ? node.textContent
      : ["STYLE", "SCRIPT"].includes(node.nodeName)
        ? ""
        : [...(node.shadowRoot?.childNodes ?? []), ...node.childNodes].map(textOf).join(" ");
  return textOf(document.body).replaceAll(/\\s+/g, " ");
})()`;
