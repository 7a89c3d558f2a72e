// Svg: text that grows by one element a call.
#include "train/pictures/svg.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "engine/error.h"
#include "io/png_file.h"

namespace weft {
namespace {

/// Without CSS the light page's colours stay. Tones have classes, so that they can turn.
constexpr const char* style =
    "<style>text{font-family:system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif}"
    ".fill-paper{fill:#ffffff}.fill-ink{fill:#1f242c}.fill-soft{fill:#68707c}.fill-faint{fill:#"
    "e3e6ea}"
    ".stroke-paper{stroke:#ffffff}.stroke-ink{stroke:#1f242c}.stroke-soft{stroke:#68707c}"
    ".stroke-faint{stroke:#e3e6ea}"
    "@media(prefers-color-scheme:dark){"
    ".fill-paper{fill:#0d1117}.fill-ink{fill:#e6edf3}.fill-soft{fill:#9aa4b0}.fill-faint{fill:#"
    "2b323b}"
    ".stroke-paper{stroke:#0d1117}.stroke-ink{stroke:#e6edf3}.stroke-soft{stroke:#9aa4b0}"
    ".stroke-faint{stroke:#2b323b}}</style>\n";

const char* name_of(Tone tone) {
  switch (tone) {
    case Tone::paper:
      return "paper";
    case Tone::ink:
      return "ink";
    case Tone::soft:
      return "soft";
    case Tone::faint:
      return "faint";
  }
  return "ink";
}

/// A hundredth of a pixel is enough, and short.
std::string number(double value) {
  std::string text = fmt::format("{:.2f}", std::isfinite(value) ? value : 0.0);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text == "-0" ? "0" : text;
}

std::string place_of(const Box& at) {
  return fmt::format(R"(x="{}" y="{}" width="{}" height="{}")", number(at.left), number(at.top),
                     number(std::max(0.0, at.right - at.left)),
                     number(std::max(0.0, at.bottom - at.top)));
}

/// RFC 4648.
std::string base64(const std::vector<uint8_t>& bytes) {
  constexpr std::string_view letters =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const size_t left = std::min<size_t>(3, bytes.size() - i);
    uint32_t word = 0;
    for (size_t j = 0; j < 3; ++j) word = word << 8 | (j < left ? bytes[i + j] : 0U);
    for (size_t j = 0; j < 4; ++j) out += j <= left ? letters[word >> (18 - 6 * j) & 63] : '=';
  }
  return out;
}

}  // namespace

std::string escape_markup(std::string_view words) {
  std::string out;
  for (const char c : words) switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c == '\n' || static_cast<unsigned char>(c) >= 0x20 ? c : ' ';
    }
  return out;
}

std::string Paint::attribute(const char* what) const {
  if (!own_) return fmt::format(R"(class="{}-{}")", what, name_of(tone_));
  const auto byte = [](float v) {
    return static_cast<int>(std::lround(255 * std::clamp(v, 0.0F, 1.0F)));
  };
  return fmt::format(R"({}="#{:02x}{:02x}{:02x}")", what, byte(rgb_[0]), byte(rgb_[1]),
                     byte(rgb_[2]));
}

Svg::Svg(double width, double height, std::string_view title)
    : head_(fmt::format("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" "
                        "viewBox=\"0 0 {0} {1}\" role=\"img\">\n<title>{2}</title>\n{3}",
                        number(width), number(height), escape_markup(title), style)) {
  box({0, 0, width, height}, Tone::paper);
}

void Svg::element(const std::string& tag, std::string_view hover) {
  body_ += hover.empty() ? fmt::format("<{}/>\n", tag)
                         : fmt::format("<{}><title>{}</title></{}>\n", tag, escape_markup(hover),
                                       tag.substr(0, tag.find(' ')));
}

void Svg::box(const Box& at, const Paint& fill, double radius, std::string_view hover) {
  const std::string round = radius > 0 ? fmt::format(R"( rx="{}")", number(radius)) : "";
  element(fmt::format("rect {}{} {}", place_of(at), round, fill.attribute("fill")), hover);
}

void Svg::frame(const Box& at, const Paint& line, double width, double radius) {
  const std::string round = radius > 0 ? fmt::format(R"( rx="{}")", number(radius)) : "";
  element(fmt::format(R"(rect {}{} fill="none" {} stroke-width="{}")", place_of(at), round,
                      line.attribute("stroke"), number(width)),
          {});
}

void Svg::line(const std::vector<Point>& path, double width, const Paint& paint, double opacity,
               std::string_view hover, Dash dash) {
  std::string points;
  for (const Point& p : path)
    points += fmt::format("{}{},{}", points.empty() ? "" : " ", number(p[0]), number(p[1]));
  const std::string faded =
      opacity < 1 ? fmt::format(R"( stroke-opacity="{}")", number(opacity)) : "";
  const char* broken = dash == Dash::solid    ? ""
                       : dash == Dash::dashed ? R"( stroke-dasharray="8 5")"
                                              : R"( stroke-dasharray="1 5")";
  element(fmt::format(R"(polyline points="{}" fill="none" stroke-linecap="round" )"
                      R"(stroke-linejoin="round" {} stroke-width="{}"{}{})",
                      points, paint.attribute("stroke"), number(width), faded, broken),
          hover);
}

void Svg::points(const std::vector<Point>& at, double width, const Paint& paint, double opacity) {
  if (at.empty()) return;
  std::string path;
  for (const Point& p : at) path += fmt::format("M{} {}h0", number(p[0]), number(p[1]));
  element(fmt::format(R"(path d="{}" stroke-linecap="round" {} stroke-width="{}" )"
                      R"(stroke-opacity="{}")",
                      path, paint.attribute("stroke"), number(width), number(opacity)),
          {});
}

void Svg::slanted_text(const Point& at, std::string_view words, const Paint& paint, double size) {
  body_ += fmt::format(
      "<text transform=\"translate({} {}) rotate(-45)\" font-size=\"{}\" {}>{}</text>\n",
      number(at[0]), number(at[1]), number(size), paint.attribute("fill"), escape_markup(words));
}

void Svg::text(const Point& at, std::string_view words, const Paint& paint, Anchor anchor,
               double size) {
  const char* where = anchor == Anchor::left     ? ""
                      : anchor == Anchor::middle ? R"( text-anchor="middle")"
                                                 : R"( text-anchor="end")";
  body_ += fmt::format("<text x=\"{}\" y=\"{}\" font-size=\"{}\"{} {}>{}</text>\n", number(at[0]),
                       number(at[1]), number(size), where, paint.attribute("fill"),
                       escape_markup(words));
}

void Svg::picture(const Box& at, const Picture& rgb, std::string_view hover) {
  if (rgb.channels != 3) throw Error("Svg::picture: pictures are RGB");
  Picture values = rgb;
  for (float& v : values.pixels) v = std::round(255 * std::clamp(v, 0.0F, 1.0F));
  element(
      fmt::format(R"(image {} style="image-rendering:pixelated" href="data:image/png;base64,{}")",
                  place_of(at), base64(encode_png(values, 8, "a picture"))),
      hover);
}

void Svg::begin_clip(const Box& at) {
  body_ += fmt::format(
      "<clipPath id=\"clip{0}\"><rect {1}/></clipPath>\n<g clip-path=\"url(#clip{0})\">\n", clips_,
      place_of(at));
  ++clips_;
}

void Svg::end_clip() { body_ += "</g>\n"; }

std::string Svg::str() const { return head_ + body_ + "</svg>\n"; }

double Svg::text_width(std::string_view words, double size) {
  double letters = 0;
  for (const char c : words) letters += (static_cast<unsigned char>(c) & 0xC0) != 0x80;  // UTF-8
  return 0.64 * size * letters;
}

}  // namespace weft
