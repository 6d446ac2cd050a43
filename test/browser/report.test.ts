/** The report as a browser shows it: whole, quiet, and legible in light and dark. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { reportPage } from "../../src/report/page.ts";
import type { ProbeReport } from "../../src/report/shape.ts";
import { launchBrowser, noBrowser } from "../support/gateway/browser.ts";
import { HOSTILE, hostileGateway, sampleGateway, sampleReport } from "../support/scene/sample-report.ts";

const ARTIFACTS = fileURLToPath(new URL("../../artifacts/", import.meta.url));
const missing = noBrowser();
if (missing) process.stderr.write(`${missing}\n`);

describe.skipIf(missing !== undefined)("the report in Chromium", () => {
  let browser: Browser;
  let folder: string;
  beforeAll(async () => {
    [browser, folder] = await Promise.all([launchBrowser(), mkdtemp(join(tmpdir(), "event-isolation-report-"))]);
  });
  afterAll(async () => {
    await browser?.close();
    await rm(folder, { recursive: true, force: true });
  });

  /** Opens the report from a file; returns the page, what it asked the network for, and what it complained of. */
  async function open(report: ProbeReport, colorScheme: "light" | "dark", width = 1180) {
    const file = join(folder, `${Math.random()}.html`);
    await writeFile(file, reportPage(report));
    const context = await browser.newContext({ colorScheme, viewport: { width, height: 800 } });
    onTestFinished(() => context.close());
    const page = await context.newPage();
    const [requests, complaints]: [string[], string[]] = [[], []];
    page.on("request", (request) => requests.push(request.url()));
    page.on("console", (message) => complaints.push(message.text()));
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("dialog", (dialog) => void dialog.dismiss().finally(() => complaints.push("a dialog")));
    await page.goto(pathToFileURL(file).href);
    await page.locator("summary").first().click();
    return { page, requests: requests.filter((url) => url !== pathToFileURL(file).href), complaints };
  }

  test.each(["light", "dark"] as const)(
    "the report in %s mode loads nothing, logs no complaint and is legible",
    async (scheme) => {
      const report = sampleReport(sampleGateway(true), sampleGateway(false));
      const { page, requests, complaints } = await open(report, scheme);
      expect({ requests, complaints }).toEqual({ requests: [], complaints: [] });
      expect(await page.title()).toBe("Event isolation: leak, no leak");
      expect(await page.getByRole("img", { name: "Frames of each session at each connection" }).count()).toBe(2);
      expect(await page.evaluate(CONTRASTS)).toEqual([]);
      await mkdir(ARTIFACTS, { recursive: true });
      await page.screenshot({ path: join(ARTIFACTS, `report-${scheme}.png`), fullPage: true });
    },
  );

  test("the report scrolls its pictures, not the page, in a narrow window", async () => {
    const { page } = await open(sampleReport(sampleGateway(true)), "light", 420);
    expect(await page.evaluate("document.documentElement.scrollWidth <= innerWidth")).toBe(true);
  });

  test("the report shows hostile texts as text", async () => {
    const { page, requests, complaints } = await open(sampleReport(hostileGateway()), "light");
    expect({ requests, complaints }).toEqual({ requests: [], complaints: [] });
    expect(await page.title()).toBe("Event isolation: leak");
    expect(await page.locator("script, img, iframe").count()).toBe(0);
    expect(await page.locator("h2").textContent()).toContain(HOSTILE.slice(0, 40));
  });
});

/**
 * Runs in the page: texts whose contrast to what is behind them is below WCAG's 4.5. Behind an SVG
 * text is the rectangle of its group, else the next background upwards.
 */
const CONTRASTS = `(() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgb = (color) => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1); return [...canvas.getImageData(0, 0, 1, 1).data]; };
  const light = (color) => { const [r, g, b] = rgb(color).map((v) => v / 255).map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const behind = (element) => {
    const rect = element.closest("g")?.querySelector("rect");
    if (rect) return getComputedStyle(rect).fill;
    for (let each = element; each; each = each.parentElement) { const { backgroundColor } = getComputedStyle(each); if (rgb(backgroundColor)[3] > 0) return backgroundColor; }
    return "white";
  };
  const texts = [...document.querySelectorAll("body *")].filter((each) => !each.closest("title, desc") && !["title", "desc"].includes(each.tagName) && [...each.childNodes].some((node) => node.nodeType === 3 && node.data.trim()));
  if (texts.length < 50) return ["too few texts: " + texts.length];
  return texts.flatMap((each) => {
    const style = getComputedStyle(each);
    const [a, b] = [light(each instanceof SVGElement ? style.fill : style.color), light(behind(each))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    return ratio < 4.5 ? [ratio.toFixed(2) + " " + each.className.baseVal + " " + each.textContent.trim().slice(0, 40)] : [];
  });
})()`;
