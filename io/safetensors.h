// safetensors files: 8 bytes of header length, a JSON header {name: {dtype, shape, data_offsets},
// "__metadata__": {...}}, then the elements, little-endian and without holes.
// Writing is atomic, and adds the metadata "checksums": XXH64 of the header (its own digits as
// zeros) and of every tensor. Reading trusts nothing: every length is checked before it is used,
// every checksum that is there is checked, and every complaint is a DataError "file: tensor
// 'name': ...". Elements are read when asked for.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/tensor.h"

namespace weft {

using Metadata = std::map<std::string, std::string>;

struct NamedTensor {
  std::string name;
  Tensor value;  ///< f32, f64, i32 or u8, on the host
  /// Written as I64, as PyTorch wants counters such as num_batches_tracked.
  bool as_i64 = false;
};

/// The same tensors and metadata give the same bytes.
void write_safetensors(const std::string& path, const std::vector<NamedTensor>& tensors,
                       const Metadata& metadata = {});

class SafetensorsFile {
 public:
  /// Reads and checks the header.
  explicit SafetensorsFile(const std::string& path);

  const std::string& path() const { return path_; }
  const Metadata& metadata() const { return metadata_; }  ///< but for the checksums
  /// Whether it was written with checksums; files of other programs are not.
  bool has_checksums() const { return has_checksums_; }
  /// Reads every element; DataError naming the first tensor whose checksum does not hold.
  void verify() const;
  std::vector<std::string> names() const;  ///< sorted
  bool contains(const std::string& name) const { return entries_.count(name) > 0; }
  Shape shape(const std::string& name) const;
  std::string dtype(const std::string& name) const;  ///< as in the file: "F32", "BF16", ...

  /// A host tensor of the wanted dtype. F64, F32, F16 and BF16 convert to f32 and f64; I64, I32, U8
  /// and BOOL to every dtype, where the value fits.
  Tensor load(const std::string& name, DType dtype = DType::f32) const;

 private:
  struct Entry {
    std::string dtype;
    std::vector<int64_t> extents;
    uint64_t begin = 0, end = 0;
    std::string sum;
  };
  class Source;

  const Entry& entry(const std::string& name) const;
  void parse_header(const std::string& header, uint64_t data_size);
  void take_sums(const std::string& header);
  void read_bytes(const std::string& name, void* to) const;

  std::string path_;
  Metadata metadata_;
  std::map<std::string, Entry> entries_;
  uint64_t data_begin_ = 0;
  bool has_checksums_ = false;
  std::shared_ptr<const Source> source_;
};

/// Convolution weights between PyTorch's order [K, C, R, S] and weft's [K, R, S, C].
Tensor oihw_to_krsc(const Tensor& weight);
Tensor krsc_to_oihw(const Tensor& weight);

}  // namespace weft
