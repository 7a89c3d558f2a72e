// JSON files, read as strictly as a run file: a key that is there twice or that nobody knows, a
// number of another type or out of range, and what lies nested without end are DataErrors
// "FILE: place: what is wrong and what is right". JSON knows no NaN: null stands for it, where a
// caller says so.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <limits>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace weft {

/// Throws DataError "source: ..." where `text` is no JSON or an object has one key twice.
nlohmann::json parse_json(const std::string& text, const std::string& source);
/// The whole of a file, parsed.
nlohmann::json read_json(const std::string& path);

/// Adds the key "checksum": XXH64 of all that the object says but for the key `apart`.
void seal(nlohmann::json& object, const std::string& apart = "");
/// Takes the seal off; DataError "place: ..." where it does not hold. An object without one is of
/// an older weft: its keys are known, so that none of them is a damaged seal.
void check_seal(nlohmann::json& object, const std::string& place, const std::string& apart = "");

/// A value, and where it stands in its file.
class JsonValue {
 public:
  JsonValue(const nlohmann::json& value, std::string place)
      : value_(value), place_(std::move(place)) {}

  /// Refuses keys other than these.
  const JsonValue& only(std::initializer_list<const char*> keys) const;
  bool has(const std::string& key) const;
  /// Of an object, which has to have it.
  JsonValue operator[](const std::string& key) const;
  std::vector<std::string> keys() const;
  std::vector<JsonValue> items() const;  ///< of an array

  bool is_null() const;
  std::string text() const;
  int64_t integer(int64_t least = std::numeric_limits<int64_t>::min(),
                  int64_t most = std::numeric_limits<int64_t>::max()) const;
  double number(double least = std::numeric_limits<double>::lowest(),
                double most = std::numeric_limits<double>::max()) const;
  std::vector<std::string> texts() const;
  std::vector<int> integers(int64_t least = std::numeric_limits<int>::min(),
                            int64_t most = std::numeric_limits<int>::max()) const;
  std::vector<double> numbers(double least = std::numeric_limits<double>::lowest(),
                              double most = std::numeric_limits<double>::max()) const;

  const nlohmann::json& raw() const { return value_; }
  [[noreturn]] void fail(const std::string& what) const;

 private:
  const nlohmann::json& value_;
  std::string place_;
};

}  // namespace weft
