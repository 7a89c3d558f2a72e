// The page around its parts: style, contents, and what a slider does.
#include "train/report/page.h"

#include <fmt/format.h>

#include <cstdlib>

#include "train/pictures/svg.h"

namespace weft {
namespace {

constexpr std::string_view style = R"(
:root{color-scheme:light dark;--paper:#fff;--ink:#1f242c;--soft:#68707c;--faint:#e3e6ea;--link:#0b5cad}
@media(prefers-color-scheme:dark){.better small{color:#56d364!important}.worse small{color:#ff8a73!important}:root{--paper:#0d1117;--ink:#e6edf3;--soft:#9aa4b0;--faint:#2b323b;--link:#79b8ff}}
body{margin:0 auto;padding:0 16px 64px;max-width:1120px;background:var(--paper);color:var(--ink);
font:16px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif}
h1{margin:28px 0 4px;font-size:1.7em;line-height:1.2;overflow-wrap:anywhere}
h2{margin:44px 0 8px;padding-top:10px;border-top:1px solid var(--faint);font-size:1.3em}
h3,h4{margin:26px 0 6px;font-size:1.05em}
a{color:var(--link)}
nav{margin:10px 0;display:flex;flex-wrap:wrap;gap:4px 18px}
p{max-width:48em;margin:8px 0}p,h3,summary{overflow-wrap:anywhere}
.wide{overflow-x:auto;margin:10px 0}
table{border-collapse:collapse;font-size:.86em;font-variant-numeric:tabular-nums}
th,td{padding:4px 10px;text-align:right;white-space:nowrap;border-bottom:1px solid var(--faint)}
th{color:var(--soft);font-weight:600;vertical-align:bottom}
th:first-child,td:first-child{text-align:left;position:sticky;left:0;background:var(--paper)}
tbody tr:hover td{background:var(--faint)}
svg{display:block;max-width:100%;min-width:min(100%,34rem);height:auto}
.wide>svg{min-width:var(--least,34rem)}
.columns{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,33rem),1fr));gap:0 16px}.columns>.wide{min-width:0}.columns svg{min-width:33rem}
.tiles{display:flex;flex-wrap:wrap;gap:0 16px;align-items:flex-start}.tiles>.wide{min-width:0;max-width:100%}.tiles>.wide>svg{min-width:0;max-width:none}
.legend{padding:0;list-style:none;font-size:.88em}.legend li{margin:6px 0}.key{display:inline-block;margin:0 10px 2px 4px;white-space:nowrap}
.swatch{display:inline-block;width:.9em;height:.9em;margin-right:.35em;border-radius:2px;vertical-align:-.08em}
td small{color:var(--soft)}.better small{color:#1a7f37}.worse small{color:#c4432b}
select{font:inherit;color:inherit;background:var(--paper);border:1px solid var(--soft);border-radius:4px;padding:2px 6px;max-width:100%}
:focus-visible{outline:2px solid var(--link);outline-offset:2px}
pre{overflow-x:auto;padding:10px 12px;background:var(--faint);border-radius:6px;font-size:.82em;line-height:1.4}
code{font-size:.92em}
details{margin:10px 0}summary{cursor:pointer;color:var(--link)}
.heat td{min-width:44px;text-align:center;color:#10141a;border:2px solid var(--paper);
background:color-mix(in srgb,#0b4ea2 calc(var(--p)*1%),#dbe6f5)}
.heat td.dark{color:#fff}
.slider{display:flex;gap:12px;align-items:center;max-width:40em}.slider input{flex:1}
@media print{nav,.slider input{display:none}h2{break-after:avoid}svg,table{break-inside:avoid}.wide{overflow:visible}}
)";

/// A list of choices shows the one of the tables data-of=ID that was chosen. A slider shows one step of
/// a policy's way: <input data-heat=ID>, whose table has that id and whose numbers stand in the page as
/// JSON, [step][row][column] in percent.
constexpr std::string_view script = R"(
for(const s of document.querySelectorAll('input[data-heat]')){
const t=document.getElementById(s.dataset.heat),w=JSON.parse(t.dataset.way),n=JSON.parse(t.dataset.names);
const show=()=>{const k=+s.value;s.nextElementSibling.textContent=n[k];
t.querySelectorAll('tbody tr').forEach((r,i)=>r.querySelectorAll('td.p').forEach((c,j)=>{
const p=w[k][i][j];c.style.setProperty('--p',p);c.textContent=p;c.classList.toggle('dark',p>50)}))};
s.addEventListener('input',show);show()}
for(const s of document.querySelectorAll('select[data-tables]')){
const show=()=>document.querySelectorAll(`[data-of="${s.dataset.tables}"]`).forEach((t,i)=>t.hidden=i!==s.selectedIndex);
s.addEventListener('input',show);show()}
)";

/// The same id twice in a page would be one clip for two pictures.
std::string with_own_ids(std::string_view svg, int picture) {
  std::string out(svg);
  for (const std::string_view before : {"id=\"clip", "url(#clip"})
    for (size_t at = out.find(before); at != out.npos; at = out.find(before, at + before.size()))
      out.insert(at + before.size(), fmt::format("{}_", picture));
  return out;
}

/// A picture that is small by itself is not blown up.
std::string least_width(std::string_view svg) {
  constexpr std::string_view before = "width=\"";
  const size_t at = svg.substr(0, svg.find('>')).find(before);
  if (at == svg.npos) return "";
  const int width = std::atoi(std::string(svg.substr(at + before.size(), 6)).c_str());
  return width > 0 && width < 544 ? fmt::format(" style=\"--least:{}px\"", width) : "";
}

}  // namespace

Page::Page(std::string_view title) : title_(escape_markup(title)) {}

void Page::section(std::string_view title) {
  const std::string words = escape_markup(title);
  ++sections_;
  contents_ += fmt::format("<a href=\"#s{}\">{}</a>\n", sections_, words);
  body_ += fmt::format("<h2 id=s{}>{}</h2>\n", sections_, words);
}

void Page::heading(std::string_view title) {
  body_ += fmt::format("<h3>{}</h3>\n", escape_markup(title));
}

void Page::paragraph(std::string_view words) {
  body_ += fmt::format("<p>{}</p>\n", escape_markup(words));
}

void Page::listing(std::string_view text) {
  body_ += fmt::format("<pre tabindex=0>{}</pre>\n", escape_markup(text));
}

bool Page::picture(std::string_view svg) {
  if (!fits(svg)) {
    ++left_out_;
    return false;
  }
  body_ += fmt::format("<div class=wide tabindex=0{}>{}</div>\n", least_width(svg),
                       with_own_ids(svg, ++pictures_));
  return true;
}

void Page::begin_folded(std::string_view title) {
  body_ += fmt::format("<details><summary>{}</summary>\n", escape_markup(title));
}

std::string Page::str() const {
  return fmt::format(
      "<!doctype html>\n<html lang=en>\n<head>\n<meta charset=utf-8>\n"
      "<meta name=viewport content=\"width=device-width,initial-scale=1\">\n<title>{0}</title>\n"
      "<link rel=icon href=\"data:,\">\n<style>{1}</style>\n</head>\n<body>\n<h1>{0}</h1>\n"
      "<nav aria-label=contents>\n{2}</nav>\n{3}<script>{4}</script>\n</body>\n</html>\n",
      title_, style, contents_, body_, script);
}

}  // namespace weft
