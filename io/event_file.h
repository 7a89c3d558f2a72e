// A file of events as TensorBoard reads it: records of TFRecord,
//   length u64 | masked CRC-32C of it | bytes | masked CRC-32C of them,   little endian
// whose bytes are a protobuf message `Event` (tensorflow/core/util/event.proto): wall_time, step and
// a summary of one value: a number, a histogram or a picture in PNG. A record is handed to the
// system whole and at once; half a record at the end, as a killed writer leaves it, is skipped by
// readers. Failures are DataErrors that say why.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "io/append_file.h"
#include "io/picture.h"

namespace weft {

class EventFile {
 public:
  /// Makes `path`, or appends to it. `step`: the first that it tells of; what an earlier file beside
  /// it has from there on counts no more (a run that goes on from a checkpoint).
  EventFile(std::string path, int64_t step);

  /// `tag`: what it is, with / between groups.
  void scalar(const std::string& tag, int64_t step, double value);
  /// Of probabilities: ten equal bins over [0, 1].
  void histogram(const std::string& tag, int64_t step, const std::vector<double>& values);
  /// Values 0..255, one channel or three.
  void picture(const std::string& tag, int64_t step, const Picture& picture);

 private:
  void event(int64_t step, int field, const std::string& message);
  void record(const std::string& bytes);

  std::string path_;
  AppendFile file_;
};

/// CRC-32C (Castagnoli), as RFC 3720 has it.
uint32_t crc32c(std::string_view bytes);

}  // namespace weft
