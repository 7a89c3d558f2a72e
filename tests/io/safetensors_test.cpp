// safetensors: round trip in every dtype, the exact bytes of a small file, foreign dtypes,
// complaints, and that a failed write leaves nothing behind.
#include "io/safetensors.h"

#include <sys/stat.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>

#include "engine/error.h"
#include "io/xxh64.h"
#include "tests/support/catch.h"
#include "tests/support/temp_folder.h"

using namespace weft;
using weft::test::message_of;

namespace {

std::string contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

/// A file of the given header and data, with the right header length.
std::string file_of(const test::TempFolder& folder, const std::string& header,
                    const std::string& data) {
  const std::string path = folder.file("made.safetensors");
  std::ofstream file(path, std::ios::binary);
  const uint64_t length = header.size();
  file.write(reinterpret_cast<const char*>(&length), sizeof length);
  file << header << data;
  return path;
}

}  // namespace

TEST_CASE("safetensors: round trip", "[safetensors]") {
  const test::TempFolder folder;
  const std::string path = folder.file("a.safetensors");
  const std::vector<NamedTensor> tensors{
      {"mask", Tensor::from({3}, {0, 1, 255}, DType::u8)},
      {"layer1.weight", Tensor::from({2, 3}, {1, -2, 3.5, 0.1, 1e30, -0.0})},
      {"double", Tensor::from({2}, {0.1, 1e300}, DType::f64)},
      {"ids", Tensor::from({1, 2, 1}, {-7, 2147483647}, DType::i32)},
      {"bn.num_batches_tracked", Tensor::from({}, {12}, DType::i32), true},
      {"none", Tensor::from({0, 4}, {})}};
  write_safetensors(path, tensors, {{"format_version", "1"}, {"quote", "a \"b\"\n"}});
  const SafetensorsFile file(path);
  CHECK(file.metadata().at("quote") == "a \"b\"\n");
  CHECK(file.names() == std::vector<std::string>{"bn.num_batches_tracked", "double", "ids",
                                                 "layer1.weight", "mask", "none"});
  CHECK(file.dtype("bn.num_batches_tracked") == "I64");
  for (const NamedTensor& tensor : tensors) {
    INFO(tensor.name);
    const Tensor loaded = file.load(tensor.name, tensor.value.dtype());
    CHECK(loaded.shape() == tensor.value.shape());
    CHECK(loaded.to_vector() == tensor.value.to_vector());
  }
  CHECK(file.load("double").to_vector()[0] == static_cast<double>(0.1f));
  CHECK(folder.entries() == 1);
  const std::string bytes = contents(path);
  write_safetensors(path, tensors, file.metadata());
  CHECK(contents(path) == bytes);
}

TEST_CASE("safetensors: the bytes of a small file", "[safetensors]") {
  const test::TempFolder folder;
  const std::string path = folder.file("a.safetensors");
  write_safetensors(path, {{"a", Tensor::from({2}, {1, 2})}});
  const float values[2] = {1, 2};
  // The header's own sum is of the text in which it is zeros.
  std::string header = R"({"__metadata__":{"checksums":"0000000000000000 )" +
                       hex(xxh64(values, sizeof values)) +
                       R"("},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})";
  header.resize((header.size() + 7) / 8 * 8, ' ');
  header.replace(header.find("0000000000000000"), 16, hex(xxh64(header.data(), header.size())));
  std::string expected(8, '\0');
  expected[0] = static_cast<char>(header.size());
  expected += header + std::string(reinterpret_cast<const char*>(values), sizeof values);
  CHECK(contents(path) == expected);
}

TEST_CASE("safetensors: half precision and booleans of other programs", "[safetensors]") {
  const test::TempFolder folder;
  const uint16_t half[4] = {0x3c00, 0xc100, 0x0001, 0x7c00};
  const uint16_t brain[2] = {0x3f80, 0xc020};
  std::string data(reinterpret_cast<const char*>(half), sizeof half);
  data += std::string(reinterpret_cast<const char*>(brain), sizeof brain) + '\1';
  const SafetensorsFile file(file_of(folder,
                                     R"({"h":{"dtype":"F16","shape":[4],"data_offsets":[0,8]},
      "b":{"dtype":"BF16","shape":[2],"data_offsets":[8,12]},
      "t":{"dtype":"BOOL","shape":[1],"data_offsets":[12,13]}})",
                                     data));
  CHECK(file.load("h").to_vector() ==
        std::vector<double>{1, -2.5, 5.9604644775390625e-08, INFINITY});
  CHECK(file.load("b", DType::f64).to_vector() == std::vector<double>{1, -2.5});
  CHECK(file.load("t", DType::i32).item() == 1);
}

TEST_CASE("safetensors: complaints name file and tensor", "[safetensors]") {
  const test::TempFolder folder;
  const std::string made = folder.file("made.safetensors");
  const auto complaint = [&](const std::string& header, const std::string& data) {
    return message_of<DataError>([&] { SafetensorsFile(file_of(folder, header, data)); });
  };
  CHECK(message_of<DataError>([&] { SafetensorsFile(folder.file("gone")); }) ==
        folder.file("gone") + ": cannot open: No such file or directory");
  CHECK_THAT(complaint("no json", ""), contains_text(made + ": the header: no JSON"));
  CHECK(complaint("[]", "") == made + ": the header is no JSON object");
  CHECK(complaint(R"({"a":{"dtype":"F33","shape":[1],"data_offsets":[0,4]}})", "1234") ==
        made + ": tensor 'a': its dtype is unknown");
  CHECK(complaint(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", "1234") ==
        made + ": tensor 'a': it lies outside the file (cut off?)");
  CHECK(complaint(R"({"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}})", "12345678") ==
        made + ": tensor 'a': its shape is no list of sizes");
  CHECK(complaint(R"({"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}})",
                  "") == made + ": tensor 'a': its shape is too large");
  CHECK(complaint(R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},
                      "b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}})",
                  "123") == made + ": its tensors overlap or leave holes");
  CHECK(complaint(R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}})", "123") ==
        made + ": 3 bytes of elements, but the header describes 2");
  CHECK(complaint(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},
                      "a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})",
                  "1") == made + ": the header: the key 'a' is there twice");
  CHECK(complaint(R"({"__metadata__":{"format":"pt","format":"tf"}})", "") ==
        made + ": the header: the key 'format' is there twice");
  CHECK(complaint(std::string(100000, '['), "") ==
        made + ": the header: its values are nested too deeply");
  const SafetensorsFile file(file_of(folder,
                                     R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},
      "i":{"dtype":"I32","shape":[1],"data_offsets":[4,8]}})",
                                     std::string("\0\0\0\0\0\1\0\0", 8)));
  CHECK(message_of<DataError>([&] { file.load("b"); }) == made + ": no tensor 'b'");
  CHECK(message_of<DataError>([&] { file.load("a", DType::i32); }) ==
        made + ": tensor 'a': F32 cannot be read as i32");
  CHECK(message_of<DataError>([&] { file.load("i", DType::u8); }) ==
        made + ": tensor 'i': I32 values do not fit u8");
}

TEST_CASE("safetensors: nothing but regular files, and no header that fills the memory",
          "[safetensors]") {
  const test::TempFolder folder;
  const auto complaint = [](const std::string& path) {
    return message_of<DataError>([&] { SafetensorsFile{path}; });
  };
  CHECK_THAT(complaint(folder.path()), contains_text("is no file with bytes in it"));
  REQUIRE(::mkfifo(folder.file("pipe").c_str(), 0600) == 0);  // opening it to read would wait
  CHECK_THAT(complaint(folder.file("pipe")), contains_text("is no file with bytes in it"));
  CHECK_THAT(complaint("/dev/zero"), contains_text("is no file with bytes in it"));
  // A hole of 200 MB takes no disk; its header is of 100 MB and a byte, and none of it is read.
  const uint64_t length = 100'000'001;
  const std::string huge = folder.file("huge");
  std::ofstream(huge, std::ios::binary).write(reinterpret_cast<const char*>(&length), 8);
  std::filesystem::resize_file(huge, 2 * length);
  CHECK_THAT(complaint(huge), contains_text("a header of 100000001 bytes; at most"));
  // What could not be read again is not written.
  const std::string unread = folder.file("unread");
  const std::map<std::string, std::string> long_words{{"words", std::string(100'000'000, 'x')}};
  CHECK_THAT(message_of<DataError>([&] { write_safetensors(unread, {}, long_words); }),
             contains_text("at most 100000000 can be read again"));
  CHECK_FALSE(std::filesystem::exists(unread));
}

TEST_CASE("safetensors: a changed element or header is named, and a foreign file needs no sums",
          "[safetensors]") {
  const test::TempFolder folder;
  const std::string path = folder.file("a.safetensors");
  write_safetensors(path,
                    {{"first", Tensor::from({2}, {1, 2})}, {"second", Tensor::from({1}, {3})}},
                    {{"run", "x = 1"}});
  const std::string whole = contents(path);
  const auto with = [&](size_t at, char to) {
    std::string bytes = whole;
    bytes[at] = to;
    std::ofstream(path, std::ios::binary) << bytes;
  };
  const auto sound = SafetensorsFile(path);
  CHECK(sound.has_checksums());
  CHECK(sound.metadata() == Metadata{{"run", "x = 1"}});
  sound.verify();
  with(whole.size() - 1, '\1');
  const SafetensorsFile file(path);
  CHECK(file.load("first").to_vector() == std::vector<double>{1, 2});
  CHECK_THAT(message_of<DataError>([&] { file.load("second"); }),
             contains_text(path + ": tensor 'second' is damaged"));
  CHECK_THAT(message_of<DataError>([&] { file.load("second", DType::f64); }),
             contains_text("damaged"));
  CHECK_THAT(message_of<DataError>([&] { file.verify(); }), contains_text("'second' is damaged"));
  with(whole.find("x = 1"), 'y');
  CHECK_THAT(message_of<DataError>([&] { SafetensorsFile{path}; }),
             contains_text(path + ": the header is damaged"));
  const std::string foreign = file_of(
      folder,
      R"({"__metadata__":{"format":"pt"},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})",
      "1");
  CHECK_FALSE(SafetensorsFile(foreign).has_checksums());
  CHECK(SafetensorsFile(foreign).load("a").item() == '1');
}

TEST_CASE("xxh64 is that of other programs", "[safetensors]") {
  const auto sum = [](const std::string& text) { return hex(xxh64(text.data(), text.size())); };
  CHECK(sum("") == "ef46db3751d8e999");
  CHECK(sum("a") == "d24ec4f1a98c6e5b");
  CHECK(sum("abc") == "44bc2cf5ad770999");
  CHECK(sum("Nobody inspects the spammish repetition") == "fbcea83c8a378bf1");
  // Every bit of every length up to 70 counts.
  std::set<std::string> sums;
  for (size_t size = 0; size <= 70; ++size) {
    std::string text(size, 'x');
    sums.insert(sum(text));
    for (size_t bit = 0; bit < 8 * size; ++bit) {
      text[bit / 8] ^= static_cast<char>(1 << bit % 8);
      sums.insert(sum(text));
      text[bit / 8] ^= static_cast<char>(1 << bit % 8);
    }
  }
  CHECK(sums.size() == 71 + 8 * 35 * 71);
}

TEST_CASE("safetensors: a failed write leaves the old file and nothing else", "[safetensors]") {
  const test::TempFolder folder;
  const std::string path = folder.file("a.safetensors");
  write_safetensors(path, {{"a", Tensor::from({1}, {1})}});
  const Tensor value = Tensor::from({1}, {2});
  CHECK_THROWS_WITH(write_safetensors(path, {{"b", value}, {"b", value}}),
                    "safetensors: two tensors are called 'b'");
  CHECK(SafetensorsFile(path).contains("a"));
  CHECK(folder.entries() == 1);
  CHECK(message_of<DataError>([&] { write_safetensors(folder.file("no/b"), {}); }) ==
        folder.file("no/b") + ": cannot create: No such file or directory");
}

TEST_CASE("safetensors: weight layouts", "[safetensors]") {
  const int64_t K = 2, C = 3, R = 2, S = 5;
  std::vector<double> values;
  for (int i = 0; i < K * C * R * S; ++i) values.push_back(i);
  const Tensor oihw = Tensor::from({K, C, R, S}, values);
  const Tensor krsc = oihw_to_krsc(oihw);
  REQUIRE(krsc.shape() == Shape{K, R, S, C});
  for (int64_t k = 0; k < K; ++k)
    for (int64_t c = 0; c < C; ++c)
      for (int64_t r = 0; r < R; ++r)
        for (int64_t s = 0; s < S; ++s)
          REQUIRE(krsc.data<float>()[((k * R + r) * S + s) * C + c] ==
                  oihw.data<float>()[((k * C + c) * R + r) * S + s]);
  CHECK(krsc_to_oihw(krsc).to_vector() == values);
  CHECK(message_of<DataError>([&] {
          oihw_to_krsc(Tensor::from({2}, {1, 2}));
        }) == "a convolution weight has 4 dimensions, this one is [2]");
}
