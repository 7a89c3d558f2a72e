// Header in, header out, and the elements between file types and tensor types.
#include "train/safetensors.h"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>

#include "engine/error.h"
#include "train/atomic_file.h"

namespace weft {
namespace {

static_assert(std::endian::native == std::endian::little, "safetensors elements are little-endian");

using Json = nlohmann::json;

constexpr uint64_t max_header = 100'000'000;  // the format's own limit

/// Bytes of an element; 0 for a type that the format does not have.
uint64_t element_size(const std::string& dtype) {
  static const std::map<std::string, uint64_t> sizes{
      {"F64", 8}, {"F32", 4}, {"F16", 2},  {"BF16", 2},    {"I64", 8},
      {"I32", 4}, {"I16", 2}, {"I8", 1},   {"U64", 8},     {"U32", 4},
      {"U16", 2}, {"U8", 1},  {"BOOL", 1}, {"F8_E4M3", 1}, {"F8_E5M2", 1}};
  const auto found = sizes.find(dtype);
  return found == sizes.end() ? 0 : found->second;
}

std::string file_dtype(const NamedTensor& tensor) {
  if (tensor.as_i64) return "I64";
  switch (tensor.value.dtype()) {
    case DType::f32:
      return "F32";
    case DType::f64:
      return "F64";
    case DType::i32:
      return "I32";
    case DType::u8:
      return "U8";
    case DType::bf16:
      break;
  }
  throw Error(fmt::format("safetensors: tensor '{}' is bf16; copy it to f32 first", tensor.name));
}

struct half_t {
  uint16_t bits;
};

double to_double(half_t h) {
  const int exponent = (h.bits >> 10) & 31, mantissa = h.bits & 1023;
  double value;
  if (exponent == 31) {
    value = mantissa ? std::numeric_limits<double>::quiet_NaN()
                     : std::numeric_limits<double>::infinity();
  } else {
    value = exponent ? std::ldexp(1024 + mantissa, exponent - 25) : std::ldexp(mantissa, -24);
  }
  return h.bits >> 15 ? -value : value;
}
double to_double(bf16_t b) { return std::bit_cast<float>(static_cast<uint32_t>(b.bits) << 16); }
template <class T>
double to_double(T value) {
  return static_cast<double>(value);
}

/// The element type of a file dtype, as a zero; false where weft has no conversion from it.
template <class F>
bool with_file_type(const std::string& dtype, F&& f) {
  if (dtype == "F32") return f(float{}), true;
  if (dtype == "F64") return f(double{}), true;
  if (dtype == "F16") return f(half_t{}), true;
  if (dtype == "BF16") return f(bf16_t{}), true;
  if (dtype == "I64") return f(int64_t{}), true;
  if (dtype == "I32") return f(int32_t{}), true;
  if (dtype == "U8" || dtype == "BOOL") return f(uint8_t{}), true;
  return false;
}

template <class F>
bool with_tensor_type(DType dtype, F&& f) {
  if (dtype == DType::f32) return f(float{}), true;
  if (dtype == DType::f64) return f(double{}), true;
  if (dtype == DType::i32) return f(int32_t{}), true;
  if (dtype == DType::u8) return f(uint8_t{}), true;
  return false;
}

/// False where a value does not fit `To`; class ids and counters must not change silently.
template <class To, class From>
bool convert(const std::vector<char>& bytes, To* to, int64_t count) {
  for (int64_t i = 0; i < count; ++i) {
    From value;
    std::memcpy(&value, bytes.data() + static_cast<size_t>(i) * sizeof(From), sizeof(From));
    const double wide = to_double(value);
    if constexpr (std::is_integral_v<To>) {
      if (wide < std::numeric_limits<To>::min() || wide > std::numeric_limits<To>::max())
        return false;
    }
    to[i] = static_cast<To>(wide);
  }
  return true;
}

}  // namespace

void write_safetensors(const std::string& path, const std::vector<NamedTensor>& tensors,
                       const Metadata& metadata) {
  // Wide elements first, so that every tensor is aligned to its elements.
  std::vector<const NamedTensor*> order;
  for (const NamedTensor& tensor : tensors) order.push_back(&tensor);
  std::stable_sort(order.begin(), order.end(), [](const NamedTensor* a, const NamedTensor* b) {
    return element_size(file_dtype(*a)) > element_size(file_dtype(*b));
  });

  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  uint64_t offset = 0;
  for (const NamedTensor* tensor : order) {
    const std::string dtype = file_dtype(*tensor);
    if (header.contains(tensor->name)) {
      throw Error(fmt::format("safetensors: two tensors are called '{}'", tensor->name));
    }
    std::vector<int64_t> extents;
    for (int axis = 0; axis < tensor->value.shape().rank(); ++axis) {
      extents.push_back(tensor->value.shape()[axis]);
    }
    const uint64_t end =
        offset + static_cast<uint64_t>(tensor->value.numel()) * element_size(dtype);
    header[tensor->name] = {{"dtype", dtype}, {"shape", extents}, {"data_offsets", {offset, end}}};
    offset = end;
  }
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');

  AtomicFile file(path);
  const uint64_t length = text.size();
  file.write(&length, sizeof length);
  file.write(text.data(), text.size());
  for (const NamedTensor* tensor : order) {
    if (tensor->as_i64) {
      std::vector<int64_t> wide;
      for (double value : tensor->value.to_vector()) wide.push_back(static_cast<int64_t>(value));
      file.write(wide.data(), wide.size() * sizeof(int64_t));
    } else if (tensor->value.numel() > 0) {
      file.write(tensor->value.raw(), tensor->value.bytes());
    }
  }
  file.commit();
}

SafetensorsFile::SafetensorsFile(const std::string& path) : path_(path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) throw DataError(fmt::format("{}: cannot open: {}", path, std::strerror(errno)));
  const std::streamoff size = file.tellg();
  uint64_t length = 0;
  file.seekg(0);
  file.read(reinterpret_cast<char*>(&length), sizeof length);
  if (!file || size < 8) throw DataError(fmt::format("{}: no safetensors file: too short", path));
  if (length > max_header || length > static_cast<uint64_t>(size) - 8) {
    throw DataError(
        fmt::format("{}: no safetensors file, or cut off: a header of {} bytes in a file "
                    "of {}",
                    path, length, size));
  }
  std::string header(length, '\0');
  file.read(header.data(), static_cast<std::streamsize>(length));
  if (!file) throw DataError(fmt::format("{}: cannot read the header", path));
  data_begin_ = 8 + length;
  parse_header(header, static_cast<uint64_t>(size) - data_begin_);
}

void SafetensorsFile::parse_header(const std::string& header, uint64_t data_size) {
  const Json json = Json::parse(header, nullptr, false);
  if (!json.is_object()) throw DataError(fmt::format("{}: the header is no JSON object", path_));
  std::vector<std::pair<uint64_t, uint64_t>> spans;
  for (const auto& member : json.items()) {
    const std::string& name = member.key();
    const Json& item = member.value();
    const auto require = [&](bool ok, const char* what) {
      if (!ok) throw DataError(fmt::format("{}: tensor '{}': {}", path_, name, what));
    };
    require(item.is_object(), "its header is no object");
    if (name == "__metadata__") {
      for (const auto& [key, value] : item.items()) {
        if (!value.is_string()) {
          throw DataError(fmt::format("{}: metadata '{}' is no string", path_, key));
        }
        metadata_[key] = value.get<std::string>();
      }
      continue;
    }
    const auto dtype = item.find("dtype"), shape = item.find("shape"),
               offsets = item.find("data_offsets");
    require(dtype != item.end() && dtype->is_string(), "no dtype");
    require(shape != item.end() && shape->is_array(), "no shape");
    require(offsets != item.end() && offsets->is_array() && offsets->size() == 2 &&
                (*offsets)[0].is_number_unsigned() && (*offsets)[1].is_number_unsigned(),
            "no data_offsets of two");
    Entry entry;
    entry.dtype = dtype->get<std::string>();
    entry.begin = (*offsets)[0].get<uint64_t>();
    entry.end = (*offsets)[1].get<uint64_t>();
    uint64_t bytes = element_size(entry.dtype);
    require(bytes > 0, "its dtype is unknown");
    for (const Json& extent : *shape) {
      require(extent.is_number_unsigned(), "its shape is no list of sizes");
      const uint64_t size = extent.get<uint64_t>();
      require(size <= std::numeric_limits<int64_t>::max() &&
                  !__builtin_mul_overflow(bytes, size, &bytes),
              "its shape is too large");
      entry.extents.push_back(static_cast<int64_t>(size));
    }
    require(entry.begin <= entry.end && entry.end <= data_size,
            "it lies outside the file (cut off?)");
    require(entry.end - entry.begin == bytes, "its shape and its bytes do not agree");
    spans.emplace_back(entry.begin, entry.end);
    entries_[name] = std::move(entry);
  }
  std::sort(spans.begin(), spans.end());
  uint64_t at = 0;
  for (const auto& [begin, end] : spans) {
    if (begin != at) throw DataError(fmt::format("{}: its tensors overlap or leave holes", path_));
    at = end;
  }
  if (at != data_size) {
    throw DataError(
        fmt::format("{}: {} bytes of elements, but the header describes {}", path_, data_size, at));
  }
}

std::vector<std::string> SafetensorsFile::names() const {
  std::vector<std::string> names;
  for (const auto& item : entries_) names.push_back(item.first);
  return names;
}

const SafetensorsFile::Entry& SafetensorsFile::entry(const std::string& name) const {
  const auto found = entries_.find(name);
  if (found == entries_.end()) throw DataError(fmt::format("{}: no tensor '{}'", path_, name));
  return found->second;
}

Shape SafetensorsFile::shape(const std::string& name) const {
  const Entry& e = entry(name);
  if (e.extents.size() > Shape::max_rank) {
    throw DataError(fmt::format("{}: tensor '{}': {} dimensions, at most {} are read", path_, name,
                                e.extents.size(), Shape::max_rank));
  }
  Shape shape;
  for (int64_t extent : e.extents) shape.push_back(extent);
  return shape;
}

std::string SafetensorsFile::dtype(const std::string& name) const { return entry(name).dtype; }

Tensor SafetensorsFile::load(const std::string& name, DType dtype) const {
  const Entry& e = entry(name);
  Tensor tensor = Tensor::empty(shape(name), dtype);
  if (tensor.numel() == 0) return tensor;
  std::ifstream file(path_, std::ios::binary);
  file.seekg(static_cast<std::streamoff>(data_begin_ + e.begin));
  const auto read = [&](void* to) {
    file.read(static_cast<char*>(to), static_cast<std::streamsize>(e.end - e.begin));
    if (!file) throw DataError(fmt::format("{}: tensor '{}': cannot read it", path_, name));
  };
  bool fits = true;
  bool known = false;
  with_file_type(e.dtype, [&](auto from) {
    with_tensor_type(dtype, [&](auto to) {
      using From = decltype(from);
      using To = decltype(to);
      if constexpr (std::is_same_v<From, To>) {
        known = true;
        read(tensor.raw());
      } else if constexpr (std::is_floating_point_v<To> || std::is_integral_v<From>) {
        known = true;
        std::vector<char> bytes(e.end - e.begin);
        read(bytes.data());
        fits = convert<To, From>(bytes, tensor.data<To>(), tensor.numel());
      }
    });
  });
  if (!known || !fits) {
    throw DataError(fmt::format("{}: tensor '{}': {} {} {}", path_, name, e.dtype,
                                known ? "values do not fit" : "cannot be read as", name_of(dtype)));
  }
  return tensor;
}

namespace {

/// [K, A, B] -> [K, B, A], where A or B stands for two axes of a kernel.
Tensor swap_inner(const Tensor& from, const Shape& shape, int64_t a, int64_t b) {
  Tensor to = Tensor::empty(shape, from.dtype());
  if (from.numel() == 0) return to;
  with_tensor_type(from.dtype(), [&](auto zero) {
    using T = decltype(zero);
    const T* source = from.data<T>();
    T* target = to.data<T>();
    const int64_t outer = from.numel() / (a * b);
    for (int64_t k = 0; k < outer; ++k, source += a * b, target += a * b) {
      for (int64_t i = 0; i < a; ++i) {
        for (int64_t j = 0; j < b; ++j) target[j * a + i] = source[i * b + j];
      }
    }
  });
  return to;
}

void require_rank_4(const Tensor& weight) {
  if (weight.shape().rank() != 4) {
    throw DataError(
        fmt::format("a convolution weight has 4 dimensions, this one is {}", weight.shape()));
  }
}

}  // namespace

Tensor oihw_to_krsc(const Tensor& weight) {
  require_rank_4(weight);
  const Shape& s = weight.shape();
  return swap_inner(weight, {s[0], s[2], s[3], s[1]}, s[1], s[2] * s[3]);
}

Tensor krsc_to_oihw(const Tensor& weight) {
  require_rank_4(weight);
  const Shape& s = weight.shape();
  return swap_inner(weight, {s[0], s[3], s[1], s[2]}, s[1] * s[2], s[3]);
}

}  // namespace weft
