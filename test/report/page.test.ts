import { expect, test } from "vitest";
import { html, Markup } from "../../src/report/html.ts";
import { reportPage } from "../../src/report/page.ts";
import { hostileGateway, sampleGateway, sampleReport } from "../support/scene/sample-report.ts";

test("what is put into a template is escaped, unless it is markup", () => {
  expect(html`<p title="${'"'}">${["<b>", new Markup("<i>"), 3, undefined]}</p>`.text).toBe(
    '<p title="&quot;">&lt;b&gt;<i>3</p>',
  );
});

test("characters that would show another text are replaced", () => {
  expect(html`${"a\u202eb\u0000c\ud800"}`.text).toBe("a\ufffdb\ufffdc\ufffd");
});

test("the page states the verdicts and draws a matrix and a timeline for each gateway", () => {
  const page = reportPage(sampleReport(sampleGateway(true), sampleGateway(false)));
  expect(page.match(/<svg/g)).toHaveLength(4);
  expect(page).toContain("✗ leak");
  expect(page).toContain("✓ no leak");
  expect(page).toContain("LEAK 21");
});

test("a page of hostile texts has no more elements than ours, and loads nothing", () => {
  const page = reportPage(sampleReport(hostileGateway()));
  const elements = (text: string): string[] => [
    ...new Set([...text.matchAll(/<\/?([a-z]+)/gi)].map((match) => match[1]!.toLowerCase())),
  ];
  const plain = elements(reportPage(sampleReport(sampleGateway(true))));
  const added = elements(page).filter((name) => !plain.includes(name));
  expect(added, "only for the status and what is left behind").toEqual(["pre"]);
  expect(page).not.toMatch(/url\(|@import/);
  expect([...page.matchAll(/\shref="([^"]*)"/g)].map((match) => match[1])).toEqual(["data:,"]);
  expect(page.replaceAll("\n", "")).not.toMatch(/[\p{Cc}\u202e]/u);
  expect(page).toContain("&lt;script&gt;");
});

test("ids are unique on a page of two gateways", () => {
  const page = reportPage(sampleReport(sampleGateway(true), sampleGateway(false)));
  const ids = [...page.matchAll(/\sid="([^"]*)"/g)].map((match) => match[1]);
  expect(new Set(ids).size).toBe(ids.length);
});

test("many event names make a long table, not an endless one", () => {
  const gateway = sampleGateway(true);
  const [one] = gateway.deliveries;
  const deliveries = Array.from({ length: 5_000 }, (_, index) => ({ ...one!, event: `event-${index}` }));
  const page = reportPage(sampleReport({ ...gateway, deliveries }));
  expect(page).toContain("and 4700 more");
});
