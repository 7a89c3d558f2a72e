// One HTML file that needs nothing else: no network, no script from elsewhere. Light or dark as the
// reader's system is, readable in print and on a telephone (what is wide scrolls in its own box), and
// usable by keyboard. Pictures are SVG inside the page, so that what they say under the mouse is there.
#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace weft {

/// What weft itself writes as Markdown (headings, tables, paragraphs, **bold**, `code`, and \| in a
/// cell), as HTML. Headings go two levels down: the page and its sections have their own.
std::string html_of_markdown(std::string_view text);

/// As words of a table's cell in Markdown: signs that mean more there, and control characters, become
/// question marks.
std::string plain_cell(std::string text);

/// A page is to be sent: so large may it be, style and script included.
inline constexpr size_t most_page_bytes = 2'980'000;

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
  /// Whether the page would be no larger than allow() said.
  bool fits(std::string_view svg) const { return body_.size() + svg.size() <= allowed_; }
  /// False where it does not fit: it is left out, and counted.
  bool picture(std::string_view svg);
  /// Pictures that follow are left out where they would make the page larger than so many bytes.
  void allow(size_t bytes) { allowed_ = bytes; }
  /// How many pictures were left out since this was asked last.
  int take_left_out() { return std::exchange(left_out_, 0); }
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
  size_t allowed_ = most_page_bytes;
  int sections_ = 0, pictures_ = 0, left_out_ = 0;
};

}  // namespace weft
