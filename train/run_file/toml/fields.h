// A table of keys, visited by whoever reads, prints or lists them: a struct that a TOML file fills
// has one visit_fields(FieldVisitor&, Struct&), which names every key once with a reference to its
// value and its meaning, so that no key is read that is not described, and none described that is
// not read. A word is a string out of a list; a list holds structs that have a `name`.
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

/// What is told of a key beside its type and value (key_rows.h, `weft keys`).
struct About {
  const char* meaning;
  /// What a key stands at that nobody sets, where that is no constant: "[warmup]'s".
  const char* unset = "";
  /// Words of another key beside which it means something: "cagrad"; empty: all.
  std::string owners = {};

  About(const char* text) : meaning(text) {}  // NOLINT: implicit, as v.field is called
  About(const char* text, const char* otherwise) : meaning(text), unset(otherwise) {}
};

/// Whoever fills, prints or checks; the functions at the end are what one overrides.
class FieldVisitor {
 public:
  virtual ~FieldVisitor() = default;

  template <class T>
  void field(const char* key, T& value, const About& about) {
    describe(about);
    visit(key, value);
  }
  /// What labels become: ids in the file and words in the file, by the key's own form.
  void labels(const char* key, std::map<int, int>& ids, std::map<std::string, int>& words,
              const About& about) {
    describe(about);
    visit_labels(key, ids, words);
  }

  /// A word that stands for a value of an enum (engine/words.h).
  template <Worded Enum>
  void choice(const char* key, Enum& value, const About& about) {
    std::string text = name_of(value);
    word<Enum>(key, text, about);
    value = from_word<Enum>(key, text);
  }
  /// The same, or no value: what is not set.
  template <Worded Enum>
  void choice(const char* key, std::optional<Enum>& value, const About& about) {
    std::string text = value ? name_of(*value) : "";
    word<Enum>(key, text, about);
    if (!text.empty()) value = from_word<Enum>(key, text);
  }

  template <class Body>
  void table(const char* key, const About& about, Body&& body) {
    describe(about);
    if (!begin(key)) return;
    body();
    end();
  }
  template <class Item>
  void list(const char* key, std::vector<Item>& items, const About& about) {
    describe(about);
    items.resize(begin_list(key, items.size()));
    for (size_t i = 0; i < items.size(); ++i) {
      items[i].name = begin_item(key, i, items[i].name);
      visit_fields(*this, items[i]);
      end();
    }
  }

  /// Whether a key that means nothing beside the others' values is visited all the same: by the
  /// reader, so that the check can say where such a key belongs.
  virtual bool unfitting() const { return false; }

 protected:
  /// Before each key, table and list.
  virtual void describe(const About&) {}

  virtual void visit(const char* key, bool& value) = 0;
  virtual void visit(const char* key, int& value) = 0;
  virtual void visit(const char* key, int64_t& value) = 0;
  virtual void visit(const char* key, double& value) = 0;
  virtual void visit(const char* key, std::string& value) = 0;
  virtual void visit(const char* key, std::optional<int>& value) = 0;
  virtual void visit(const char* key, std::optional<double>& value) = 0;
  virtual void visit(const char* key, std::array<int, 2>& value) = 0;
  virtual void visit(const char* key, std::array<double, 2>& value) = 0;
  virtual void visit(const char* key, std::vector<double>& value) = 0;
  virtual void visit(const char* key, std::vector<int64_t>& value) = 0;
  virtual void visit(const char* key, Words& value) = 0;
  virtual void visit(const char* key, std::vector<Words>& value) = 0;
  virtual void visit_labels(const char* key, std::map<int, int>& ids,
                            std::map<std::string, int>& words) = 0;
  /// `value` is one of `words`, or empty where no value is one.
  virtual void visit_word(const char* key, std::string& value, const Words& words) = 0;

  /// Of a table; false where there is nothing to visit in it.
  virtual bool begin(const char* key) = 0;
  virtual void end() = 0;
  /// How many tables [[key]] to visit; `present` are there already.
  virtual size_t begin_list(const char* key, size_t present) = 0;
  /// One of them, until end(); returns what it is called, given what it is called so far.
  virtual std::string begin_item(const char* key, size_t index, const std::string& name) = 0;

 private:
  template <Worded Enum>
  void word(const char* key, std::string& text, const About& about) {
    constexpr auto words = words_of(Enum{});
    describe(about);
    visit_word(key, text, {words.begin(), words.end()});
  }
};

/// A visitor whose Self::each(key, value) is a template, or overloaded, over the types of values.
template <class Self>
class EachField : public FieldVisitor {
 protected:
  void visit(const char* key, bool& value) final { self().each(key, value); }
  void visit(const char* key, int& value) final { self().each(key, value); }
  void visit(const char* key, int64_t& value) final { self().each(key, value); }
  void visit(const char* key, double& value) final { self().each(key, value); }
  void visit(const char* key, std::string& value) final { self().each(key, value); }
  void visit(const char* key, std::optional<int>& value) final { self().each(key, value); }
  void visit(const char* key, std::optional<double>& value) final { self().each(key, value); }
  void visit(const char* key, std::array<int, 2>& value) final { self().each(key, value); }
  void visit(const char* key, std::array<double, 2>& value) final { self().each(key, value); }
  void visit(const char* key, std::vector<double>& value) final { self().each(key, value); }
  void visit(const char* key, std::vector<int64_t>& value) final { self().each(key, value); }
  void visit(const char* key, Words& value) final { self().each(key, value); }
  void visit(const char* key, std::vector<Words>& value) final { self().each(key, value); }

 private:
  Self& self() { return static_cast<Self&>(*this); }
};

/// Those keys of a table that mean something beside the others' values: fits(key) says which, and
/// owners(key) names those values. A visitor that reads (unfitting()) is shown the others too.
template <class Fits, class Owners>
class FittingFields {
 public:
  FittingFields(FieldVisitor& visitor, Fits fits, Owners owners)
      : visitor_(visitor), fits_(std::move(fits)), owners_(std::move(owners)) {}

  template <class T>
  void field(const char* key, T& value, const About& about) const {
    if (visited(key)) visitor_.field(key, value, owned(key, about));
  }
  template <Worded Enum>
  void choice(const char* key, Enum& value, const About& about) const {
    if (visited(key)) visitor_.choice(key, value, owned(key, about));
  }

 private:
  bool visited(const char* key) const { return visitor_.unfitting() || fits_(key); }
  About owned(const char* key, About about) const {
    about.owners = owners_(key);
    return about;
  }

  FieldVisitor& visitor_;
  Fits fits_;
  Owners owners_;
};

using Visit = std::function<void(FieldVisitor&)>;

/// "table.key", or the key alone at the top.
inline std::string join_key(const std::string& table, std::string_view key) {
  return table.empty() ? std::string(key) : table + "." + std::string(key);
}

}  // namespace weft
