// save and load: a store comes back bit for bit, files of other programs in every float type are
// taken, what differs is listed both ways, and nothing is ever half done.
#include "models/parameter_file.h"

#include <cmath>
#include <cstring>
#include <fstream>

#include "models/layers.h"
#include "tests/support/catch.h"
#include "tests/support/op_check.h"
#include "tests/support/temp_folder.h"

using namespace weft;
using weft::test::message_of;
using weft::test::TempFolder;

namespace {

/// A convolution [4, 3, 3, 2], a batch norm and a linear layer, `wide` outputs.
struct Network {
  CpuContext cpu{1};
  ParameterStore store;
  explicit Network(uint64_t seed, DType dtype = DType::f32, int64_t wide = 5) : store(&cpu, dtype) {
    const Init init{Init::Kind::uniform_fan_in, seed};
    const Conv conv(store, "conv", 2, 4, 3, {}, false, init);
    const BatchNorm norm(store, "bn", 4);
    const Linear fc(store, "head.fc", 4, wide, init);
    NamedStats& s = store.stats()[0];
    cpu.fill(s.stats.running_var, 2.0 + static_cast<double>(seed));
    s.stats.num_batches_tracked = static_cast<int64_t>(seed);
  }
  std::vector<Values> values() const {
    std::vector<Values> out;
    for (const NamedTensor& t : file_tensors(store)) out.push_back(t.value.to_vector());
    return out;
  }
};

/// A file as another program writes it: no checksums, elements as they are given.
void write_foreign(const std::string& path, const std::string& header, const std::string& bytes) {
  std::ofstream file(path, std::ios::binary);
  const uint64_t length = header.size();
  file.write(reinterpret_cast<const char*>(&length), sizeof length);
  file << header << bytes;
}

template <class T>
std::string bytes_of(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

}  // namespace

TEST_CASE("save and load: a store comes back bit for bit, in PyTorch's layout", "[models][files]") {
  const TempFolder folder;
  const std::string path = folder.file("net.safetensors");
  for (const DType dtype : {DType::f32, DType::f64}) {
    const Network saved(3, dtype);
    save(saved.store, path, {{"by", "a test"}});
    const SafetensorsFile file(path);
    CHECK(file.has_checksums());
    CHECK(file.metadata().at("by") == "a test");
    CHECK(file.shape("conv.weight") == Shape{4, 2, 3, 3});
    CHECK(file.dtype("bn.num_batches_tracked") == "I64");
    Network loaded(4, dtype);
    REQUIRE(loaded.values() != saved.values());
    CHECK(load(path, loaded.store).empty());
    CHECK(loaded.values() == saved.values());
    // In the other precision as well: what f32 holds, f64 holds.
    Network other(4, dtype == DType::f32 ? DType::f64 : DType::f32);
    CHECK(load(path, other.store).empty());
    CHECK(other.values()[1] == saved.values()[1]);
  }
}

TEST_CASE("load takes f64, f32, f16 and bf16, and no whole numbers for weights",
          "[models][files]") {
  const TempFolder folder;
  const std::string path = folder.file("foreign.safetensors");
  CpuContext cpu(1);
  const auto loaded = [&](const std::string& dtype, const std::string& bytes) {
    ParameterStore store(&cpu, DType::f32);
    store.add("w", {3});
    write_foreign(path,
                  fmt::format(R"({{"w":{{"dtype":"{}","shape":[3],"data_offsets":[0,{}]}}}})",
                              dtype, bytes.size()),
                  bytes);
    load(path, store);
    return store.find("w")->value.to_vector();
  };
  const Values want{1, -2.5, 0.125};
  CHECK(loaded("F64", bytes_of<double>({1, -2.5, 0.125})) == want);
  CHECK(loaded("F32", bytes_of<float>({1, -2.5, 0.125})) == want);
  CHECK(loaded("F16", bytes_of<uint16_t>({0x3c00, 0xc100, 0x3000})) == want);
  CHECK(loaded("BF16", bytes_of<uint16_t>({0x3f80, 0xc020, 0x3e00})) == want);
  CHECK(message_of<DataError>([&] {
          loaded("I32", bytes_of<int32_t>({1, 2, 3}));
        }) == path + ": 'w' is I32; weights are F64, F32, F16 or BF16");
  // Beyond f32 is no number there.
  CHECK_THAT(message_of<DataError>([&] {
               loaded("F64", bytes_of<double>({1, 1e300, 0}));
             }),
             contains_text("'w': element 1 is inf; it is a number"));
}

TEST_CASE("load lists what is missing, unexpected and misshapen, or takes what fits",
          "[models][files]") {
  const TempFolder folder;
  const std::string path = folder.file("net.safetensors");
  Network saved(3);
  auto tensors = file_tensors(saved.store);
  tensors[0].name = "convolution.weight";
  write_safetensors(path, tensors);
  Network into(4, DType::f32, 7);
  const auto before = into.values();
  CHECK(message_of<DataError>([&] { load(path, into.store); }) ==
        path +
            ": its tensors are not those of this network; missing: conv.weight; unexpected: "
            "convolution.weight; misshapen: head.fc.weight is [5, 4], not [7, 4], head.fc.bias is "
            "[5], not [7]; take what fits with {.strict = false}");
  CHECK(into.values() == before);
  const LeftOut left = load(path, into.store, {.strict = false});
  CHECK(left.missing == std::vector<std::string>{"conv.weight"});
  CHECK(left.unexpected == std::vector<std::string>{"convolution.weight"});
  CHECK(left.misshapen == std::vector<std::string>{"head.fc.weight is [5, 4], not [7, 4]",
                                                   "head.fc.bias is [5], not [7]"});
  const auto after = into.values(), from = saved.values();
  CHECK(after[0] == before[0]);
  CHECK(after[3] == before[3]);
  for (const size_t taken : {1, 2, 5, 6, 7}) CHECK(after[taken] == from[taken]);
  CHECK(into.store.stats()[0].stats.num_batches_tracked == 3);
}

TEST_CASE("nothing is half loaded, and nothing half written", "[models][files]") {
  const TempFolder folder;
  const std::string path = folder.file("net.safetensors");
  Network saved(3);
  const auto with_last = [&](const std::string& name, const Tensor& value) {
    auto tensors = file_tensors(saved.store);
    for (NamedTensor& t : tensors)
      if (t.name == name) t = {name, value};
    write_safetensors(path, tensors);
    Network into(4);
    const auto before = into.values();
    const std::string message = message_of<DataError>([&] { load(path, into.store); });
    CHECK(into.values() == before);
    return message;
  };
  CHECK_THAT(with_last("bn.running_var", Tensor::from({4}, {1, 1, 1, -1})),
             contains_text("'bn.running_var': element 3 is -1; it is a number that is not below"));
  CHECK_THAT(with_last("head.fc.bias", Tensor::from({5}, {1, 1, 1, NAN, 1})),
             contains_text("'head.fc.bias': element 3 is nan"));
  CHECK_THAT(with_last("bn.num_batches_tracked", Tensor::from({}, {0.5})),
             contains_text("'bn.num_batches_tracked' is 0.5; it is a whole number from 0"));
  CHECK_THAT(with_last("bn.num_batches_tracked", Tensor::from({2}, {1, 2})),
             contains_text("'bn.num_batches_tracked' is no single number"));

  save(saved.store, path);
  const auto good = saved.values();
  saved.cpu.fill(saved.store.find("head.fc.bias")->value, INFINITY);
  CHECK(message_of<NumericError>([&] { save(saved.store, path); }) ==
        path + ": not written: 'head.fc.bias' holds NaN or infinity");
  CHECK(folder.entries() == 1);
  CHECK(load(path, saved.store).empty());
  CHECK(saved.values() == good);
}
