/** The look of the report. Colours are never the only sign: what leaks also says so. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --page: #f3f5f7; --card: #ffffff; --line: #d5dae0; --text: #1a2027; --soft: #56616d;
  --own: #d9f0e4; --own-text: #0b4f33; --own-bar: #17744e;
  --leak: #b3261e; --leak-text: #ffffff; --leak-soft: #b3261e;
  --other: #e6e9f5; --other-text: #333f75; --other-bar: #7480b8;
  --none: #f3f5f7; --none-text: #5d6772;
  --unsure: #8a5a00;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #0e1318; --card: #171e26; --line: #323c47; --text: #e7ebef; --soft: #a3aeba;
    --own: #143a2b; --own-text: #98e6c0; --own-bar: #3fbf8a;
    --leak: #c2372e; --leak-text: #ffffff; --leak-soft: #ff8f86;
    --other: #262f4d; --other-text: #c3ccff; --other-bar: #8a97d6;
    --none: #1c242d; --none-text: #8f9aa6;
    --unsure: #f0b64a;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", sans-serif; }
main { max-width: 1140px; margin: 0 auto; padding: 32px 20px 48px; }
h1 { font-size: 26px; line-height: 1.2; margin: 0 0 4px; }
h2 { font-size: 20px; margin: 0; overflow-wrap: anywhere; }
h3 { font-size: 15px; margin: 28px 0 8px; }
p { margin: 4px 0; }
.soft, footer { color: var(--soft); }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 22px 24px; margin-top: 20px; }
.title { display: flex; flex-wrap: wrap; gap: 8px 14px; align-items: center; }
.verdict { font-weight: 700; padding: 3px 12px; border-radius: 999px; border: 1.5px solid; white-space: nowrap; }
.verdict.leak { background: var(--leak); color: var(--leak-text); border-color: var(--leak); }
.verdict.clean { background: var(--own); color: var(--own-text); border-color: var(--own-text); }
.verdict.unsure { color: var(--unsure); border-color: var(--unsure); }
ul { margin: 8px 0 0; padding-left: 20px; }
li, td { overflow-wrap: anywhere; }
.scroll { overflow-x: auto; }
svg { display: block; max-width: none; font: 13px system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", sans-serif; }
svg text { fill: var(--text); }
svg .head { font-weight: 600; }
svg .first { font-weight: 700; font-size: 14px; }
svg .more, svg .axis { font-size: 12px; }
svg .axis { fill: var(--soft); }
.cell.own rect { fill: var(--own); } .cell.own text { fill: var(--own-text); }
.cell.foreign rect { fill: var(--leak); } .cell.foreign text { fill: var(--leak-text); }
.cell.other rect { fill: var(--other); } .cell.other text { fill: var(--other-text); }
.cell.none rect { fill: var(--none); } .cell.none text { fill: var(--none-text); font-weight: 400; }
.grid { stroke: var(--line); stroke-dasharray: 2 4; }
.lane { stroke: var(--line); stroke-width: 1.5; }
.bar.own { fill: var(--own-bar); } .bar.foreign { fill: var(--leak-soft); } .bar.other { fill: var(--other-bar); }
.legend { display: flex; flex-wrap: wrap; gap: 4px 18px; list-style: none; padding: 0; margin: 8px 0 0; color: var(--soft); font-size: 13px; }
.legend span { display: inline-block; width: 12px; height: 12px; border-radius: 3px; margin-right: 6px; vertical-align: -1px; }
.legend .own { background: var(--own-bar); } .legend .foreign { background: var(--leak-soft); } .legend .other { background: var(--other-bar); }
table { border-collapse: collapse; width: 100%; font-size: 14px; font-variant-numeric: tabular-nums; }
th, td { text-align: left; vertical-align: top; padding: 6px 14px 6px 0; border-bottom: 1px solid var(--line); }
th { color: var(--soft); font-weight: 600; white-space: nowrap; }
td.number, th.number { text-align: right; white-space: nowrap; }
tbody tr:last-child td { border-bottom: 0; }
.pass { color: var(--own-bar); font-weight: 700; white-space: nowrap; }
.fail { color: var(--leak-soft); font-weight: 700; white-space: nowrap; }
.unknown { color: var(--unsure); font-weight: 700; white-space: nowrap; }
tr.foreign td { color: var(--leak-soft); }
details { margin-top: 16px; } summary { cursor: pointer; font-weight: 600; }
summary:focus-visible { outline: 2px solid var(--other-bar); outline-offset: 3px; }
code, pre { font: 12.5px/1.45 ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace; overflow-wrap: anywhere; }
pre { white-space: pre-wrap; margin: 8px 0 0; }
footer { margin-top: 28px; font-size: 13px; }
@media print { body { background: none; } .card { break-inside: avoid; } }
`;
