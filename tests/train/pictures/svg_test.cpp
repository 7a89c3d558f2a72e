// SVG: words are escaped, colours and places are what was asked for, a picture's pixels come back.
#include "train/pictures/svg.h"

#include <cmath>

#include "engine/error.h"
#include "io/png_file.h"
#include "tests/support/catch.h"

using namespace weft;

namespace {

std::vector<uint8_t> from_base64(const std::string& text) {
  const std::string letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::vector<uint8_t> bytes;
  uint32_t word = 0;
  int bits = 0;
  for (const char c : text) {
    if (c == '=') break;
    word = word << 6 | static_cast<uint32_t>(letters.find(c));
    bits += 6;
    if (bits >= 8) bytes.push_back(static_cast<uint8_t>(word >> (bits -= 8) & 255));
  }
  return bytes;
}

}  // namespace

TEST_CASE("svg: words are escaped wherever they stand", "[pictures]") {
  Svg svg(10, 20, "a < b & \"c\"");
  svg.text({1, 2}, "<script>\x01");
  svg.box({0, 0, 1, 1}, Tone::faint, 0, "x > y");
  const std::string text = svg.str();
  CHECK_THAT(text, contains_text("<title>a &lt; b &amp; &quot;c&quot;</title>"));
  CHECK_THAT(text, contains_text(">&lt;script&gt; </text>"));
  CHECK_THAT(text, contains_text("<title>x &gt; y</title></rect>"));
  CHECK_THAT(text, !contains_text("<script"));
}

TEST_CASE("svg: places, colours and tones", "[pictures]") {
  Svg svg(30.5, 20, "t");
  svg.box({1, 2, 4.25, 2.5}, Rgb{1, 0.5F, -3});
  svg.line({{0, 0}, {1.005, 2}}, 2, Tone::soft, 0.5);
  svg.text({5, 6}, "end", Tone::ink, Anchor::right, 9);
  const std::string text = svg.str();
  CHECK_THAT(text, contains_text("viewBox=\"0 0 30.5 20\""));
  CHECK_THAT(text,
             contains_text(R"(<rect x="1" y="2" width="3.25" height="0.5" fill="#ff8000"/>)"));
  CHECK_THAT(text, contains_text(R"(class="stroke-soft" stroke-width="2" stroke-opacity="0.5"/>)"));
  CHECK_THAT(text, contains_text(R"(text-anchor="end" class="fill-ink">end</text>)"));
  CHECK_THAT(text, contains_text("prefers-color-scheme:dark"));
}

TEST_CASE("svg: a picture inside is the PNG of its pixels, for every length of its bytes",
          "[pictures]") {
  for (int width = 1; width < 8; ++width) {
    Picture rgb(3, width, 3);
    for (size_t i = 0; i < rgb.pixels.size(); ++i)
      rgb.pixels[i] = static_cast<float>((i * 37) % 256) / 255;
    Svg svg(10, 10, "t");
    svg.picture({0, 0, 10, 10}, rgb);
    const std::string text = svg.str(), start = "data:image/png;base64,";
    const size_t at = text.find(start) + start.size();
    PictureInfo info;
    const Picture back = decode_png(from_base64(text.substr(at, text.find('"', at) - at)), "back",
                                    PngPalette::colour, info);
    REQUIRE(back.width == width);
    for (size_t i = 0; i < rgb.pixels.size(); ++i)
      CHECK(back.pixels[i] == std::round(255 * rgb.pixels[i]));
  }
  Svg svg(10, 10, "t");
  CHECK_THROWS_AS(svg.picture({0, 0, 1, 1}, Picture(2, 2, 1)), Error);
}
