// Reads event files (io/event_file.h) by the formats alone: TFRecord, protobuf, tensorflow's Event.
// Sums are compared, lengths checked; a field that no event of ours has is an error.
#pragma once

#include <bit>
#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

#include "io/event_file.h"
#include "io/files.h"

namespace weft::test {

struct Event {
  double wall_time = 0, number = 0, sum = 0;
  int64_t step = 0, session = 0;
  std::string version, tag;
  std::vector<double> limits, counts;
  std::vector<uint8_t> png;
};

/// One field of a message after the other: its number, and what it holds.
class Fields {
 public:
  explicit Fields(std::string_view text) : text_(text) {}
  int number = 0;
  uint64_t whole = 0;      ///< of types 0, 1 and 5
  std::string_view bytes;  ///< of type 2

  bool next() {
    if (text_.empty()) return false;
    const uint64_t key = varint();
    number = static_cast<int>(key >> 3);
    const uint64_t type = key & 7;
    if (type == 0) whole = varint();
    if (type == 1) whole = fixed(8);
    if (type == 5) whole = fixed(4);
    if (type == 2) bytes = take(varint());
    return true;
  }
  double real() const { return std::bit_cast<double>(whole); }
  float real32() const { return std::bit_cast<float>(static_cast<uint32_t>(whole)); }
  std::vector<double> reals() const {
    std::vector<double> out(bytes.size() / 8);
    std::memcpy(out.data(), bytes.data(), bytes.size());
    return out;
  }
  std::string_view take(uint64_t count) {
    if (count > text_.size()) throw std::runtime_error("a message is cut short");
    const std::string_view out = text_.substr(0, count);
    text_.remove_prefix(count);
    return out;
  }
  uint64_t fixed(int size) {
    uint64_t out = 0;
    std::memcpy(&out, take(static_cast<uint64_t>(size)).data(), static_cast<size_t>(size));
    return out;
  }
  bool done() const { return text_.empty(); }

 private:
  uint64_t varint() {
    uint64_t out = 0;
    for (int shift = 0;; shift += 7) {
      const auto byte = static_cast<unsigned char>(take(1)[0]);
      out |= static_cast<uint64_t>(byte & 0x7F) << shift;
      if (byte < 0x80) return out;
    }
  }

  std::string_view text_;
};

inline void read_value(Event& out, std::string_view text) {
  for (Fields value(text); value.next();) {
    if (value.number == 1) out.tag = value.bytes;
    if (value.number == 2) out.number = static_cast<double>(value.real32());
    if (value.number == 4)
      for (Fields image(value.bytes); image.next();)
        if (image.number == 4) out.png.assign(image.bytes.begin(), image.bytes.end());
    if (value.number == 5)
      for (Fields histogram(value.bytes); histogram.next();) {
        if (histogram.number == 4) out.sum = histogram.real();
        if (histogram.number == 6) out.limits = histogram.reals();
        if (histogram.number == 7) out.counts = histogram.reals();
      }
  }
}

inline Event read_event(std::string_view text) {
  Event out;
  for (Fields event(text); event.next();) {
    if (event.number == 1) out.wall_time = event.real();
    if (event.number == 2) out.step = static_cast<int64_t>(event.whole);
    if (event.number == 3) out.version = event.bytes;
    if (event.number == 5)
      for (Fields summary(event.bytes); summary.next();) read_value(out, summary.bytes);
    if (event.number == 7)
      for (Fields session(event.bytes); session.next();)
        out.session = static_cast<int64_t>(session.whole);
  }
  return out;
}

inline std::vector<Event> read_events(const std::string& path) {
  const auto masked = [](std::string_view bytes) {
    const uint32_t crc = crc32c(bytes);
    return ((crc >> 15) | (crc << 17)) + 0xa282ead8u;
  };
  const std::string text = read_text(path);
  std::vector<Event> out;
  for (Fields file(text); !file.done();) {
    const std::string_view length = file.take(8);
    uint64_t size = 0;
    std::memcpy(&size, length.data(), 8);
    const bool good_length = file.fixed(4) == masked(length);
    const std::string_view bytes = file.take(size);
    if (!good_length || file.fixed(4) != masked(bytes)) throw std::runtime_error("a sum is wrong");
    out.push_back(read_event(bytes));
  }
  return out;
}

}  // namespace weft::test
