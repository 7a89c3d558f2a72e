// parse_json: nlohmann's parser, which says when a key comes; JsonValue: one check a type.
#include "io/json_text.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "engine/error.h"
#include "io/files.h"
#include "io/xxh64.h"

namespace weft {
namespace {

using nlohmann::json;

constexpr int most_nested = 16;

/// A value, as a message shows it.
std::string shown(const json& value) {
  const std::string text =
      value.is_structured() ? "a list or an object" : value.dump(-1, ' ', true);
  return text.size() <= 40 ? text : text.substr(0, 40) + "...";
}

}  // namespace

json parse_json(const std::string& text, const std::string& source) {
  std::vector<std::set<std::string>> open;  // the keys of every object that has not ended
  const auto watch = [&](int depth, json::parse_event_t event, json& value) {
    if (depth > most_nested)
      throw DataError(fmt::format("{}: its values are nested too deeply", source));
    if (event == json::parse_event_t::object_start) open.emplace_back();
    if (event == json::parse_event_t::object_end) open.pop_back();
    if (event == json::parse_event_t::key) {
      const auto& key = value.get_ref<const std::string&>();
      if (!open.back().insert(key).second)
        throw DataError(fmt::format("{}: the key '{}' is there twice", source, key));
    }
    return true;
  };
  try {
    return json::parse(text, watch);
  } catch (const json::exception& e) {
    throw DataError(fmt::format("{}: no JSON: {}", source, e.what()));
  }
}

json read_json(const std::string& path) { return parse_json(read_text(path), path); }

namespace {

constexpr const char* seal_key = "checksum";

std::string seal_of(json object, const std::string& apart) {
  object.erase(apart);
  const std::string text = object.dump();
  return hex(xxh64(text.data(), text.size()));
}

}  // namespace

void seal(json& object, const std::string& apart) { object[seal_key] = seal_of(object, apart); }

void check_seal(json& object, const std::string& place, const std::string& apart) {
  const auto found = object.find(seal_key);
  if (found == object.end()) return;
  const json said = *found;
  object.erase(found);
  if (said != seal_of(object, apart))
    throw DataError(fmt::format(
        "{}: is damaged, or was edited: it is not what its checksum was made of", place));
}

void JsonValue::fail(const std::string& what) const {
  throw DataError(fmt::format("{}: {}", place_, what));
}

const JsonValue& JsonValue::only(std::initializer_list<const char*> known) const {
  for (const std::string& key : keys())
    if (std::find(known.begin(), known.end(), key) == known.end())
      fail(fmt::format("there is no key '{}'; known are {}", key, fmt::join(known, ", ")));
  return *this;
}

bool JsonValue::has(const std::string& key) const {
  if (!value_.is_object()) fail("is no object");
  return value_.contains(key);
}

JsonValue JsonValue::operator[](const std::string& key) const {
  if (!has(key)) fail(fmt::format("'{}' is missing", key));
  return {value_.at(key), fmt::format("{}: '{}'", place_, key)};
}

std::vector<std::string> JsonValue::keys() const {
  if (!value_.is_object()) fail("is no object");
  std::vector<std::string> keys;
  for (const auto& item : value_.items()) keys.push_back(item.key());
  return keys;
}

std::vector<JsonValue> JsonValue::items() const {
  if (!value_.is_array()) fail("is no list");
  std::vector<JsonValue> items;
  for (size_t i = 0; i < value_.size(); ++i)
    items.emplace_back(value_[i], fmt::format("{}[{}]", place_, i));
  return items;
}

bool JsonValue::is_null() const { return value_.is_null(); }

std::string JsonValue::text() const {
  if (!value_.is_string()) fail("is no text");
  return value_.get<std::string>();
}

int64_t JsonValue::integer(int64_t least, int64_t most) const {
  const bool too_large = value_.is_number_unsigned() &&
                         value_.get<uint64_t>() > uint64_t{std::numeric_limits<int64_t>::max()};
  if (!value_.is_number_integer() || too_large)
    fail(fmt::format("is {}; it is a whole number", shown(value_)));
  const auto number = value_.get<int64_t>();
  if (number < least || number > most)
    fail(fmt::format("is {}; it is {}", number,
                     most == std::numeric_limits<int64_t>::max()
                         ? fmt::format("at least {}", least)
                         : fmt::format("{} to {}", least, most)));
  return number;
}

double JsonValue::number(double least, double most) const {
  if (!value_.is_number()) fail(fmt::format("is {}; it is a number", shown(value_)));
  const auto number = value_.get<double>();
  if (!(number >= least && number <= most))
    fail(fmt::format("is {}; it is in [{}, {}]", number, least, most));
  return number;
}

std::vector<std::string> JsonValue::texts() const {
  std::vector<std::string> out;
  for (const JsonValue& item : items()) out.push_back(item.text());
  return out;
}

std::vector<int> JsonValue::integers(int64_t least, int64_t most) const {
  std::vector<int> out;
  for (const JsonValue& item : items()) out.push_back(static_cast<int>(item.integer(least, most)));
  return out;
}

std::vector<double> JsonValue::numbers(double least, double most) const {
  std::vector<double> out;
  for (const JsonValue& item : items()) out.push_back(item.number(least, most));
  return out;
}

}  // namespace weft
