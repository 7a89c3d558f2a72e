// A table of keys, visited by whoever reads, prints or lists them: a struct that a TOML file fills
// has one visit_fields(FieldVisitor&, Struct&), which names every key once with a reference to its
// value. A word is a string out of a list; a list holds structs that have a `name`.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/words.h"

namespace weft {

using Words = std::vector<std::string>;

class FieldVisitor {
 public:
  virtual ~FieldVisitor() = default;

  virtual void field(const char* key, bool& value) = 0;
  virtual void field(const char* key, int& value) = 0;
  virtual void field(const char* key, int64_t& value) = 0;
  virtual void field(const char* key, double& value) = 0;
  virtual void field(const char* key, std::string& value) = 0;
  virtual void field(const char* key, std::optional<int>& value) = 0;
  virtual void field(const char* key, std::optional<double>& value) = 0;
  virtual void field(const char* key, std::array<int, 2>& value) = 0;
  virtual void field(const char* key, std::array<double, 2>& value) = 0;
  virtual void field(const char* key, std::vector<double>& value) = 0;
  virtual void field(const char* key, std::vector<int64_t>& value) = 0;
  virtual void field(const char* key, Words& value) = 0;
  virtual void field(const char* key, std::vector<Words>& value) = 0;
  /// What labels become: ids in the file and words in the file, by the key's own form.
  virtual void labels(const char* key, std::map<int, int>& ids,
                      std::map<std::string, int>& words) = 0;
  virtual void word(const char* key, std::string& value, const Words& words) = 0;

  /// A word that stands for a value of an enum (engine/words.h).
  template <Worded Enum>
  void choice(const char* key, Enum& value) {
    constexpr auto words = words_of(Enum{});
    std::string text = name_of(value);
    word(key, text, {words.begin(), words.end()});
    value = from_word<Enum>(key, text);
  }

  /// The same, or no value: what is not set.
  template <Worded Enum>
  void choice(const char* key, std::optional<Enum>& value) {
    constexpr auto words = words_of(Enum{});
    std::string text = value ? name_of(*value) : "";
    word(key, text, {words.begin(), words.end()});
    if (!text.empty()) value = from_word<Enum>(key, text);
  }

  /// Whether a key that means nothing beside the others' values is visited all the same: by the
  /// reader, so that the check can say where such a key belongs.
  virtual bool unfitting() const { return false; }

  /// begin() of a table; false where there is nothing to visit in it.
  virtual bool begin(const char* key) = 0;
  virtual void end() = 0;
  /// How many tables [[key]] to visit; `present` are there already.
  virtual size_t begin_list(const char* key, size_t present) = 0;
  /// One of them, until end(); returns what it is called, given what it is called so far.
  virtual std::string begin_item(const char* key, size_t index, const std::string& name) = 0;

  template <class Body>
  void table(const char* key, Body&& body) {
    if (!begin(key)) return;
    body();
    end();
  }
  template <class Item>
  void list(const char* key, std::vector<Item>& items) {
    items.resize(begin_list(key, items.size()));
    for (size_t i = 0; i < items.size(); ++i) {
      items[i].name = begin_item(key, i, items[i].name);
      visit_fields(*this, items[i]);
      end();
    }
  }
};

/// Those keys of a table that mean something beside the others' values: fits(key) says which. A
/// visitor that reads (unfitting()) is shown the others too.
template <class Fits>
class FittingFields {
 public:
  FittingFields(FieldVisitor& visitor, Fits fits) : visitor_(visitor), fits_(std::move(fits)) {}

  template <class T>
  void field(const char* key, T& value) const {
    if (visited(key)) visitor_.field(key, value);
  }
  template <Worded Enum>
  void choice(const char* key, Enum& value) const {
    if (visited(key)) visitor_.choice(key, value);
  }

 private:
  bool visited(const char* key) const { return visitor_.unfitting() || fits_(key); }

  FieldVisitor& visitor_;
  Fits fits_;
};

using Visit = std::function<void(FieldVisitor&)>;

/// "table.key", or the key alone at the top.
std::string join_key(const std::string& table, std::string_view key);

/// Every key and table that `visit` visits as a dotted path; items of a list go by their names.
std::vector<std::string> key_names(const Visit& visit);

}  // namespace weft
