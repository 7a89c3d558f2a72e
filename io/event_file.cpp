// EventFile: the few messages of protobuf that it takes, written out by their field numbers.
#include "io/event_file.h"

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cmath>
#include <utility>

#include "io/png_file.h"

namespace weft {
namespace {

/// A message of protobuf as it grows: each field is its number and type, then its value.
class Message {
 public:
  void number(int field, int64_t value) {
    varint(key(field, 0));
    varint(static_cast<uint64_t>(value));
  }
  void real(int field, double value) {
    varint(key(field, 1));
    little_endian(std::bit_cast<uint64_t>(value), 8);
  }
  void real32(int field, float value) {
    varint(key(field, 5));
    little_endian(std::bit_cast<uint32_t>(value), 4);
  }
  void bytes(int field, std::string_view value) {
    varint(key(field, 2));
    varint(value.size());
    text_ += value;
  }
  void reals(int field, const std::vector<double>& values) {
    Message packed;
    for (const double value : values) packed.little_endian(std::bit_cast<uint64_t>(value), 8);
    bytes(field, packed.text_);
  }
  void little_endian(uint64_t value, int size) {
    for (int i = 0; i < size; ++i) text_ += static_cast<char>(value >> (8 * i) & 0xFF);
  }
  const std::string& text() const { return text_; }

 private:
  static uint64_t key(int field, int type) { return static_cast<uint64_t>(field) << 3 | type; }
  void varint(uint64_t value) {
    for (; value >= 0x80; value >>= 7) text_ += static_cast<char>((value & 0x7F) | 0x80);
    text_ += static_cast<char>(value);
  }

  std::string text_;
};

// Fields of tensorflow/core/util/event.proto and framework/summary.proto.
namespace event {
constexpr int wall_time = 1, step = 2, file_version = 3, summary = 5, session_log = 7;
}
namespace value {
constexpr int tag = 1, simple_value = 2, image = 4, histo = 5;
}
namespace image {
constexpr int height = 1, width = 2, colorspace = 3, encoded = 4;
}
namespace histo {
constexpr int min = 1, max = 2, num = 3, sum = 4, sum_squares = 5, bucket_limit = 6, bucket = 7;
}

/// TensorFlow's, so that a sum over bytes which hold sums is none of them.
uint32_t masked(uint32_t crc) { return std::rotr(crc, 15) + 0xa282ead8u; }

std::string summary_of(const Message& value) {
  Message summary;
  summary.bytes(1, value.text());
  return summary.text();
}

}  // namespace

uint32_t crc32c(std::string_view bytes) {
  static const auto table = [] {
    std::array<uint32_t, 256> t{};
    for (uint32_t i = 0; i < t.size(); ++i) {
      t[i] = i;
      for (int bit = 0; bit < 8; ++bit) t[i] = t[i] >> 1 ^ ((t[i] & 1) != 0 ? 0x82f63b78u : 0);
    }
    return t;
  }();
  uint32_t crc = ~0u;
  for (const char c : bytes) crc = crc >> 8 ^ table[(crc ^ static_cast<unsigned char>(c)) & 0xFF];
  return ~crc;
}

EventFile::EventFile(std::string path, int64_t step) : path_(std::move(path)), file_(path_) {
  event(0, event::file_version, "brain.Event:2");
  Message start;
  start.number(1, 1);  // status: START
  event(step, event::session_log, start.text());
}

void EventFile::scalar(const std::string& tag, int64_t step, double number) {
  Message value;
  value.bytes(value::tag, tag);
  value.real32(value::simple_value, static_cast<float>(number));
  event(step, event::summary, summary_of(value));
}

void EventFile::histogram(const std::string& tag, int64_t step, const std::vector<double>& values) {
  constexpr int bins = 10;
  std::vector<double> limits(bins), counts(bins);
  for (int i = 0; i < bins; ++i) limits[i] = (i + 1.) / bins;
  double sum = 0, squares = 0;
  for (const double v : values) {
    if (!std::isfinite(v)) continue;
    ++counts[static_cast<size_t>(std::clamp(std::ceil(v * bins) - 1, 0., bins - 1.))];
    sum += v;
    squares += v * v;
  }
  Message h;
  if (!values.empty()) {
    const auto [least, most] = std::minmax_element(values.begin(), values.end());
    h.real(histo::min, *least);
    h.real(histo::max, *most);
  }
  h.real(histo::num, static_cast<double>(values.size()));
  h.real(histo::sum, sum);
  h.real(histo::sum_squares, squares);
  h.reals(histo::bucket_limit, limits);
  h.reals(histo::bucket, counts);
  Message value;
  value.bytes(value::tag, tag);
  value.bytes(value::histo, h.text());
  event(step, event::summary, summary_of(value));
}

void EventFile::picture(const std::string& tag, int64_t step, const Picture& picture) {
  const std::vector<uint8_t> png = encode_png(picture, 8, path_);
  Message i;
  i.number(image::height, picture.height);
  i.number(image::width, picture.width);
  i.number(image::colorspace, picture.channels);  // 1: gray, 3: RGB
  i.bytes(image::encoded, {reinterpret_cast<const char*>(png.data()), png.size()});
  Message value;
  value.bytes(value::tag, tag);
  value.bytes(value::image, i.text());
  event(step, event::summary, summary_of(value));
}

void EventFile::event(int64_t step, int field, const std::string& message) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  Message e;
  e.real(event::wall_time, std::chrono::duration<double>(now).count());
  e.number(event::step, step);
  e.bytes(field, message);
  record(e.text());
}

void EventFile::record(const std::string& bytes) {
  Message length;
  length.little_endian(bytes.size(), 8);
  const auto sum = [](const std::string& of) {
    Message m;
    m.little_endian(masked(crc32c(of)), 4);
    return m.text();
  };
  file_.append(length.text() + sum(length.text()) + bytes + sum(bytes));
}

}  // namespace weft
