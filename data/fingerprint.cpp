// Hashes of samples, joined in runs; see fingerprint.h.
#include "data/fingerprint.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>

#include "engine/error.h"
#include "engine/philox.h"

namespace weft {
namespace {

constexpr int64_t most_hashes = 64, end_bytes = 4096;

uint64_t joined(uint64_t hash, uint64_t next) {
  const std::array<uint64_t, 2> both{hash, next};
  return hash_name({reinterpret_cast<const char*>(both.data()), sizeof(both)});
}

int64_t size_of(const std::string& path) {
  std::error_code error;
  const uintmax_t size = std::filesystem::file_size(path, error);
  return error ? -1 : static_cast<int64_t>(size);  // whoever loads it says what is wrong
}

enum class Look : uint8_t { size, ends, all };

uint64_t hash_of_file(const std::string& path, Look look) {
  const int64_t size = size_of(path);
  uint64_t hash = joined(0, static_cast<uint64_t>(size));
  if (look == Look::size || size <= 0) return hash;
  std::ifstream in(path, std::ios::binary);
  std::string block;
  const auto add = [&](int64_t from, int64_t bytes) {
    block.resize(static_cast<size_t>(bytes));
    in.seekg(from);
    in.read(block.data(), bytes);
    block.resize(static_cast<size_t>(std::max<std::streamsize>(in.gcount(), 0)));
    hash = joined(hash, hash_name(block));
  };
  if (look == Look::ends && size > 2 * end_bytes) {
    add(0, end_bytes);
    add(size - end_bytes, end_bytes);
    return hash;
  }
  constexpr int64_t most = int64_t{1} << 20;
  for (int64_t at = 0; at < size; at += most) add(at, std::min(most, size - at));
  return hash;
}

uint64_t hash_of_place(const Dataset& data, int64_t i) {
  return joined(hash_name(data.key(i)), static_cast<uint64_t>(data.split(i)) * 65536 +
                                            static_cast<uint64_t>(data.only_task(i) + 1));
}

template <class Hash>
std::vector<uint64_t> hashes_of_runs(int64_t count, int64_t each, Hash&& hash) {
  std::vector<uint64_t> out(static_cast<size_t>((count + each - 1) / each));
  for (int64_t i = 0; i < count; ++i) {
    uint64_t& run = out[static_cast<size_t>(i / each)];
    run = joined(run, hash(i));
  }
  return out;
}

/// "t.csv:2 to t.csv:9": the samples of run `at`.
std::string names_of_run(const Dataset& data, int64_t each, int64_t at) {
  const int64_t first = std::min(at * each, data.size() - 1);
  const int64_t last = std::min(first + each, data.size()) - 1;
  return first == last ? data.key(first) : fmt::format("{} to {}", data.key(first), data.key(last));
}

/// The first run in which two fingerprints differ; -1: none.
int64_t first_difference(const std::vector<uint64_t>& a, const std::vector<uint64_t>& b) {
  const auto [at, other] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
  return at == a.end() && other == b.end() ? -1 : at - a.begin();
}

}  // namespace

std::vector<uint64_t> sample_hashes(const Dataset& data, int64_t each) {
  return hashes_of_runs(data.size(), each, [&](int64_t i) { return hash_of_place(data, i); });
}

Fingerprint fingerprint_of(const Dataset& data, int64_t each, int64_t hash_up_to) {
  Fingerprint print;
  print.count = data.size();
  print.each =
      each > 0 ? each : std::max<int64_t>(1, (print.count + most_hashes - 1) / most_hashes);
  int64_t bytes = 0;
  for (int64_t i = 0; i < print.count && bytes <= hash_up_to; ++i) {
    const SampleContents contents = data.contents(i);
    for (const auto* files : {&contents.image_files, &contents.label_files})
      for (const std::string& path : *files) bytes += std::max<int64_t>(size_of(path), 0);
  }
  const bool all = bytes <= hash_up_to;
  print.samples = sample_hashes(data, print.each);
  const auto runs = print.samples.size();
  print.inputs.resize(runs);
  print.labels.resize(runs);
  for (int64_t i = 0; i < print.count; ++i) {
    const SampleContents contents = data.contents(i);
    uint64_t inputs = contents.inputs, labels = contents.labels;
    for (const std::string& path : contents.image_files)
      inputs = joined(inputs, hash_of_file(path, all ? Look::all : Look::size));
    for (const std::string& path : contents.label_files)
      labels = joined(labels, hash_of_file(path, all ? Look::all : Look::ends));
    const auto run = static_cast<size_t>(i / print.each);
    print.inputs[run] = joined(print.inputs[run], inputs);
    print.labels[run] = joined(print.labels[run], labels);
    print.any_order += joined(inputs, labels);
  }
  return print;
}

std::string difference(const Fingerprint& was, const Dataset& data) {
  const Fingerprint is = fingerprint_of(data, was.each);
  if (is == was) return "";
  const int64_t samples = first_difference(was.samples, is.samples),
                inputs = first_difference(was.inputs, is.inputs),
                labels = first_difference(was.labels, is.labels);
  const auto least = [](int64_t a, int64_t b) { return a < 0 || (b >= 0 && b < a) ? b : a; };
  const int64_t first = least(samples, least(inputs, labels));
  const std::string where =
      data.size() == 0 || first < 0 ? "" : names_of_run(data, was.each, first);
  if (is.count != was.count)
    return fmt::format("there are {} samples, there were {}; the first difference is among {}",
                       is.count, was.count, where);
  if (is.any_order == was.any_order && (inputs >= 0 || labels >= 0))
    return fmt::format("the same samples stand in another order; the first difference is among {}",
                       where);
  std::vector<std::string> what;
  if (samples >= 0)
    what.push_back(fmt::format("names or parts among {}", names_of_run(data, was.each, samples)));
  if (inputs >= 0)
    what.push_back(fmt::format("inputs among {}", names_of_run(data, was.each, inputs)));
  if (labels >= 0)
    what.push_back(fmt::format("labels among {}", names_of_run(data, was.each, labels)));
  return fmt::format("{} differ", fmt::join(what, ", "));
}

}  // namespace weft
