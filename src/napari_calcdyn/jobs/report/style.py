"""How a report looks: light and dark, on a screen, a telephone and paper."""

from __future__ import annotations

CSS = """
:root { color-scheme: light dark; --text: #1c2430; --soft: #5a6675; --page: #f5f6f8; --card: #ffffff; --line: #dde1e7;
  --accent: #1f6f8b; --warn: #9a3b12; --warn-back: #fdf1e7; --blue: #30638e; }
@media (prefers-color-scheme: dark) { :root { --text: #e6e9ee; --soft: #a3adba; --page: #14181e; --card: #1e242c;
  --line: #353d48; --accent: #7cc4dc; --warn: #f3b58a; --warn-back: #38281c; --blue: #71aede; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text); font: 16px/1.55 system-ui, -apple-system, "Segoe UI",
  Roboto, "Helvetica Neue", Arial, sans-serif; }
main { max-width: 76rem; margin: 0 auto; padding: 1.5rem 1rem 3rem; }
h1 { font-size: 1.7rem; line-height: 1.25; margin: 0 0 .3rem; overflow-wrap: anywhere; }
h2 { font-size: 1.25rem; margin: 2.2rem 0 .8rem; }
h3 { font-size: 1rem; margin: 0 0 .2rem; }
p { margin: .3rem 0 .8rem; max-width: 60rem; overflow-wrap: anywhere; }
.soft, figcaption, .note { color: var(--soft); font-size: .9rem; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: .6rem; padding: 1rem; margin: 0; }
.grid { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 23rem), 1fr));
  grid-auto-flow: dense; }
@media (min-width: 50rem) { .wide { grid-column: span 2; } }
figure svg { display: block; width: 100%; height: auto; fill: currentColor; color: var(--text); margin-top: .5rem; }
.warn { background: var(--warn-back); color: var(--warn); border-color: currentColor; margin-bottom: .8rem; }
.warn ul { margin: .3rem 0; padding-left: 1.2rem; }
.table { overflow: auto; max-height: 32rem; }
table { border-collapse: collapse; min-width: min(100%, 24rem); font-size: .9rem; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .3rem 1.6rem .3rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
th { position: sticky; top: 0; background: var(--card); }
td.number, th.number { text-align: right; white-space: nowrap; }
td.text { overflow-wrap: anywhere; }
pre, code { font: .85rem/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; margin: .4rem 0; }
a { color: var(--accent); }
details.card { margin-bottom: .8rem; }
summary { cursor: pointer; font-weight: 600; }
footer { margin-top: 2.5rem; color: var(--soft); font-size: .85rem; }
@media print {
  :root { --text: #000; --soft: #444; --page: #fff; --card: #fff; --line: #bbb; --accent: #000; --warn: #000;
    --warn-back: #fff; --blue: #30638e; }
  body { font-size: 10pt; } main { max-width: none; padding: 0; }
  .grid { grid-template-columns: 1fr 1fr; } .wide { grid-column: span 2; } .card { break-inside: avoid; }
  .table { max-height: none; overflow: visible; }
  details.card { break-inside: auto; } th { position: static; } h2 { break-after: avoid; }
}
"""
