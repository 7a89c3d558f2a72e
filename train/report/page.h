// One HTML file that needs nothing else: no network, no script from elsewhere. Light or dark as the
// reader's system is, readable in print and on a telephone (what is wide scrolls in its own box), and
// usable by keyboard. Pictures are SVG inside the page, so that what they say under the mouse is there.
#pragma once

#include <string>
#include <string_view>

namespace weft {

/// What weft itself writes as Markdown (headings, tables, paragraphs, **bold**, `code`, and \| in a
/// cell), as HTML. Headings go two levels down: the page and its sections have their own.
std::string html_of_markdown(std::string_view text);

/// As words of a table's cell in Markdown: signs that mean more there, and control characters, become
/// question marks.
std::string plain_cell(std::string text);

class Page {
 public:
  explicit Page(std::string_view title);

  /// Begins a part that the list at the top leads to.
  void section(std::string_view title);
  void heading(std::string_view title);
  void paragraph(std::string_view words);
  void markdown(std::string_view text) { body_ += html_of_markdown(text); }
  /// As it is, line by line, in letters of one width.
  void listing(std::string_view text);
  void picture(std::string_view svg);
  /// HTML as it is.
  void html(std::string_view text) { body_ += text; }
  /// Pictures that follow stand two abreast where there is room.
  void begin_columns() { body_ += "<div class=columns>\n"; }
  void end_columns() { body_ += "</div>\n"; }
  /// Small pictures that follow stand side by side.
  void begin_tiles() { body_ += "<div class=tiles>\n"; }
  void end_tiles() { body_ += "</div>\n"; }
  /// What follows is folded away under a line that opens it.
  void begin_folded(std::string_view title);
  void end_folded() { body_ += "</details>\n"; }

  size_t size() const { return body_.size(); }
  std::string str() const;

 private:
  std::string title_, contents_, body_;
  int sections_ = 0, pictures_ = 0;
};

}  // namespace weft
