// Header in, header out, and the elements between file types and tensor types.
#include "io/safetensors.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>

#include "engine/error.h"
#include "io/atomic_file.h"
#include "io/json_text.h"
#include "io/xxh64.h"

namespace weft {
namespace {

static_assert(std::endian::native == std::endian::little, "safetensors elements are little-endian");

using Json = nlohmann::json;

/// Of a header, which is held in memory several times over: what the format's own readers take.
constexpr uint64_t max_header = 100'000'000;

/// The metadata's key for the sums: the header's, then every tensor's in the order of their names.
constexpr const char* sums_key = "checksums";
constexpr size_t sum_digits = 16;

/// The sum of a header whose own sum reads as zeros; where it stands begins at `at`.
uint64_t header_sum(std::string text, size_t at) {
  std::fill_n(text.begin() + static_cast<std::ptrdiff_t>(at), sum_digits, '0');
  return xxh64(text.data(), text.size());
}

/// Where a header's own sum begins; npos: it has none. Inside of a string, quotes are escaped, so
/// that nothing else reads like this.
size_t place_of_sum(const std::string& header) {
  const std::string opening = fmt::format("\"{}\":\"", sums_key);
  const size_t at = header.find(opening);
  if (at == std::string::npos || header.size() - at < opening.size() + sum_digits)
    return std::string::npos;
  return at + opening.size();
}

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

/// f(address, size) of the elements as the file has them.
template <class F>
void with_file_bytes(const NamedTensor& tensor, F&& f) {
  if (!tensor.as_i64) return f(tensor.value.raw(), tensor.value.bytes());
  std::vector<int64_t> wide;
  for (double value : tensor.value.to_vector()) wide.push_back(static_cast<int64_t>(value));
  f(wide.data(), wide.size() * sizeof(int64_t));
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

  std::map<std::string, std::string> sum_of;
  for (const NamedTensor* tensor : order)
    with_file_bytes(*tensor, [&](const void* bytes, size_t size) {
      if (!sum_of.emplace(tensor->name, hex(xxh64(bytes, size))).second)
        throw Error(fmt::format("safetensors: two tensors are called '{}'", tensor->name));
    });
  Metadata with_sums = metadata;
  std::string& sums = with_sums[sums_key] = std::string(sum_digits, '0');
  for (const auto& item : sum_of) sums += " " + item.second;

  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  header["__metadata__"] = with_sums;
  uint64_t offset = 0;
  for (const NamedTensor* tensor : order) {
    const std::string dtype = file_dtype(*tensor);
    std::vector<int64_t> extents;
    for (int axis = 0; axis < tensor->value.shape().rank(); ++axis) {
      extents.push_back(tensor->value.shape()[axis]);
    }
    const uint64_t end =
        offset + static_cast<uint64_t>(tensor->value.numel()) * element_size(dtype);
    // Looking a name up in a header in order takes as long as the header is: append.
    header.get_ref<nlohmann::ordered_json::object_t&>().emplace_back(
        tensor->name, nlohmann::ordered_json{
                          {"dtype", dtype}, {"shape", extents}, {"data_offsets", {offset, end}}});
    offset = end;
  }
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');
  if (text.size() > max_header)
    throw DataError(
        fmt::format("{}: {} tensors need a header of {} bytes; at most {} can be read again", path,
                    tensors.size(), text.size(), max_header));
  const size_t own = place_of_sum(text);
  text.replace(own, sum_digits, hex(header_sum(text, own)));

  AtomicFile file(path);
  const uint64_t length = text.size();
  file.write(&length, sizeof length);
  file.write(text.data(), text.size());
  for (const NamedTensor* tensor : order)
    with_file_bytes(*tensor, [&](const void* bytes, size_t size) { file.write(bytes, size); });
  file.commit();
}

/// Held open, so that all that is read is of one file, whatever takes its name meanwhile.
class SafetensorsFile::Source {
 public:
  explicit Source(const std::string& path) : path_(path) {
    fd_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);  // a pipe would wait for ever
    if (fd_ < 0) throw DataError(fmt::format("{}: cannot open: {}", path, std::strerror(errno)));
    struct stat about {};
    if (::fstat(fd_, &about) != 0 || !S_ISREG(about.st_mode)) {
      ::close(fd_);
      throw DataError(fmt::format("{}: is no file with bytes in it (a folder, a pipe?)", path));
    }
    size_ = static_cast<uint64_t>(about.st_size);
  }
  ~Source() { ::close(fd_); }
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;

  uint64_t size() const { return size_; }
  /// False where the file ends before, or cannot be read.
  bool read(uint64_t at, void* to, uint64_t size) const {
    char* next = static_cast<char*>(to);
    while (size > 0) {
      const ssize_t got =
          ::pread(fd_, next, std::min<uint64_t>(size, uint64_t{1} << 30), static_cast<off_t>(at));
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) return false;
      next += got;
      at += static_cast<uint64_t>(got);
      size -= static_cast<uint64_t>(got);
    }
    return true;
  }

 private:
  std::string path_;
  int fd_ = -1;
  uint64_t size_ = 0;
};

SafetensorsFile::SafetensorsFile(const std::string& path)
    : path_(path), source_(std::make_shared<const Source>(path)) {
  const uint64_t size = source_->size();
  uint64_t length = 0;
  if (size < 8 || !source_->read(0, &length, sizeof length))
    throw DataError(fmt::format("{}: no safetensors file: too short", path));
  if (length > size - 8) {
    throw DataError(
        fmt::format("{}: no safetensors file, or cut off: a header of {} bytes in a file "
                    "of {}",
                    path, length, size));
  }
  if (length > max_header)
    throw DataError(
        fmt::format("{}: a header of {} bytes; at most {} are read", path, length, max_header));
  std::string header(length, '\0');
  if (!source_->read(8, header.data(), length))
    throw DataError(fmt::format("{}: cannot read the header", path));
  data_begin_ = 8 + length;
  parse_header(header, size - data_begin_);
  take_sums(header);
}

void SafetensorsFile::take_sums(const std::string& header) {
  const auto found = metadata_.find(sums_key);
  if (found == metadata_.end()) return;
  const std::string sums = std::move(found->second);
  metadata_.erase(found);
  const size_t own = place_of_sum(header);
  if (own == std::string::npos || sums.size() != entries_.size() * (sum_digits + 1) + sum_digits ||
      header.substr(own, sum_digits) != hex(header_sum(header, own)))
    throw DataError(fmt::format(
        "{}: the header is damaged: it is not the one that its checksum was made of", path_));
  size_t at = 0;
  for (auto& item : entries_) item.second.sum = sums.substr(at += sum_digits + 1, sum_digits);
  has_checksums_ = true;
}

void SafetensorsFile::read_bytes(const std::string& name, void* to) const {
  const Entry& e = entry(name);
  const uint64_t size = e.end - e.begin;
  if (!source_->read(data_begin_ + e.begin, to, size))
    throw DataError(fmt::format("{}: tensor '{}': cannot read it", path_, name));
  if (has_checksums_ && hex(xxh64(to, size)) != e.sum)
    throw DataError(fmt::format(
        "{}: tensor '{}' is damaged: its elements are not those that its checksum was made of",
        path_, name));
}

void SafetensorsFile::verify() const {
  std::vector<char> bytes;
  for (const auto& [name, e] : entries_) {
    bytes.resize(e.end - e.begin);
    read_bytes(name, bytes.data());
  }
}

void SafetensorsFile::parse_header(const std::string& header, uint64_t data_size) {
  const Json json = parse_json(header, path_ + ": the header");
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
  bool fits = true;
  bool known = false;
  with_file_type(e.dtype, [&](auto from) {
    with_host_type(dtype, [&](auto to) {
      using From = decltype(from);
      using To = decltype(to);
      if constexpr (std::is_same_v<From, To>) {
        known = true;
        read_bytes(name, tensor.raw());
      } else if constexpr (std::is_floating_point_v<To> || std::is_integral_v<From>) {
        known = true;
        std::vector<char> bytes(e.end - e.begin);
        read_bytes(name, bytes.data());
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

}  // namespace weft
