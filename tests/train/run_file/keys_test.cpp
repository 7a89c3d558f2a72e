// What `weft keys` lists is what the run file's reader reads: no key more, none less, with the
// defaults of the structs; and docs/run_file.md is that list.
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <regex>
#include <set>

#include "engine/error.h"
#include "tests/support/catch.h"
#include "tests/support/sanitized.h"
#include "tests/support/source_dir.h"
#include "train/run_file/keys.h"
#include "train/run_file/toml/toml_document.h"
#include "train/study/keys.h"

namespace {

using namespace weft;

std::string text_of(const std::string& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// What is the same in all of these: a task and a column of the list's own name.
constexpr const char* smallest =
    "name = \"keys\"\n[[column]]\nname = \"NAME\"\n[[task]]\nname = \"NAME\"\nkind = \"depth\"\n";

/// The complaint about the file with one more setting, as it is read and not yet checked.
std::string complaint(const std::string& setting) {
  TomlDocument document(smallest, "keys.toml");
  RunFile run;
  try {
    document.apply(setting);
    document.read([&](FieldVisitor& v) { visit_fields(v, run); });
  } catch (const ConfigError& e) {
    return e.what();
  }
  return "";
}

std::vector<KeyRow> rows_of(const RunFile& run) {
  RunFile copy = run;
  return key_rows([&](FieldVisitor& v) { visit_fields(v, copy); });
}

std::map<std::string, KeyRow> by_path(const RunFile& run) {
  std::map<std::string, KeyRow> rows;
  for (const KeyRow& row : rows_of(run)) rows[row.path] = row;
  return rows;
}

/// A value of the row's type other than its own.
std::string another_value(const KeyRow& row) {
  if (row.type == "boolean") return row.value == "true" ? "false" : "true";
  if (row.type == "integer") return row.value == "7" ? "8" : "7";
  if (row.type == "number") return "0.25";
  if (row.type == "string") return "\"another\"";
  if (row.type == "2 integers") return "[7, 8]";
  if (row.type == "2 numbers") return "[0.25, 0.75]";
  if (row.type == "numbers") return "[0.25]";
  if (row.type == "integers") return "[7]";
  if (row.type == "strings") return "[\"another\"]";
  if (row.type == "lists of strings") return "[[\"another\"]]";
  if (row.type == "{label = class}") return "{7 = 1}";
  for (const std::string& word : row.words)
    if ("\"" + word + "\"" != row.value) return "\"" + word + "\"";
  FAIL("a type that no value is known of: " << row.type);
  return "";
}

}  // namespace

TEST_CASE("keys: every listed key is read, with a value of its type", "[run_file][keys]") {
  size_t keys = 0;
  for (const KeyRow& row : rows_of(RunFile())) {
    INFO(row.path << " " << row.type);
    if (row.is_table()) {
      CHECK_THAT(complaint(row.path + "=0"), contains_text("table"));
      continue;
    }
    ++keys;
    CHECK(complaint(row.path + "=" + another_value(row)) == "");
  }
  CHECK(keys > 180);
}

TEST_CASE("keys: every key that is read is listed", "[run_file][keys]") {
  if (test::sanitized) WEFT_SKIP("reading run files is looked at by fuzz/run_file");
  // A key that is read is a string in these sources; each is tried in every table.
  std::set<std::string> words, listed;
  for (const char* file : {"keys.cpp", "balance.cpp"}) {
    const std::string source = text_of(source_dir() + "/train/run_file/" + file);
    const std::regex word("\"([a-z_0-9]+)\"");
    for (std::sregex_iterator w(source.begin(), source.end(), word), end; w != end; ++w)
      words.insert((*w)[1]);
  }
  std::vector<std::string> tables{""};
  for (const KeyRow& row : rows_of(RunFile())) {
    listed.insert(row.path);
    if (row.is_table()) tables.push_back(row.path + (row.type == "tables" ? ".NAME" : ""));
  }
  size_t read = 0;
  for (const std::string& table : tables)
    for (const std::string& word : words) {
      const std::string key = join_key(table, word);
      const bool unknown = complaint(key + "=0").find("unknown key") != std::string::npos;
      if (unknown != (listed.count(key) == 0)) FAIL_CHECK(key << (unknown ? " is no key" : ""));
      read += unknown ? 0 : 1;
    }
  CHECK(read == listed.size());
}

TEST_CASE("keys: a default as it is listed is the struct's, and changes nothing",
          "[run_file][keys]") {
  std::string text;
  for (const KeyGroup& group : run_file_groups()) {
    if (group.name != "run") text += group.heading + "\n";
    for (const KeyRow& row : group.rows) {
      const size_t item = row.path.find(".NAME.");
      const size_t prefix = group.name == "run"         ? 0
                            : item != std::string::npos ? item + 6
                                                        : group.name.size() + 1;
      if (!row.is_table() && !row.value.empty())
        text += row.path.substr(prefix) + " = " + row.value + "\n";
    }
  }
  RunFile listed, structs;
  structs.tasks.emplace_back();
  structs.data.column_specs.emplace_back();
  TomlDocument(text, "defaults.toml").read([&](FieldVisitor& v) { visit_fields(v, listed); });
  CHECK(print_run_file(listed) == print_run_file(structs));
  const auto rows = by_path(RunFile());
  CHECK(rows.at("policy.temperature").value == "5.0");
  CHECK(rows.at("policy.logits.betas").value == "[0.9, 0.999]");
  CHECK(rows.at("model.trunk").value == "\"resnet18\"");
  CHECK(rows.at("task.NAME.chooses").value == "true");
  CHECK(rows.at("task.NAME.floor").value == "");
}

TEST_CASE("keys: a default that another key decides is listed as such", "[run_file][keys]") {
  const auto defaults = by_path(RunFile());
  const std::string task = "[[task]]\nname = \"NAME\"\nkind = \"regression\"\n";
  const std::string tabular =
      "[data]\nkind = \"tabular\"\nroot = \".\"\n[model]\ntrunk = \"mlp\"\n";
  const std::string of_task = "[data]\nkind = \"csv\"\nroot = \".\"\ntask_column = \"t\"\n";
  for (const std::string& text :
       {"[data]\n" + task, tabular + task, of_task + task, "semantics = \"compat\"\n" + task,
        "sharing = \"hard\"\n" + of_task + task}) {
    INFO(text);
    const RunFile run = parse_run_text(text, "defaults.toml");
    for (const KeyRow& row : rows_of(run)) {
      const KeyRow& listed = defaults.at(row.path);
      const bool set = run.places.count(row.path) > 0;
      INFO(row.path << " is " << row.value << ", listed as " << listed.value);
      CHECK((set || row.value == listed.value || !listed.unset.empty()));
    }
  }
}

TEST_CASE("keys: what is [warmup]'s where nobody sets it is listed so", "[run_file][keys]") {
  const std::string text = "[[task]]\nname = \"NAME\"\nkind = \"depth\"\n";
  const auto before = by_path(parse_run_text(text, "warmup.toml"));
  const auto says_so = [](const KeyRow& row) {
    return row.unset.find("[warmup]'s") != std::string::npos;
  };
  std::set<std::string> follow, listed;
  for (const auto& [path, row] : before) {
    if (says_so(row)) listed.insert(path);
    if (path.rfind("warmup.", 0) != 0 || row.is_table()) continue;
    const RunFile run = parse_run_text(text, "warmup.toml", {path + "=" + another_value(row)});
    for (const KeyRow& after : rows_of(run))
      if (after.value != before.at(after.path).value && after.path.rfind("warmup.", 0) != 0)
        follow.insert(after.path);
  }
  CHECK(follow == listed);
  CHECK(listed.count("policy.optimizer.lr") == 1);
  CHECK(listed.count("retrain.schedule.every") == 1);
}

TEST_CASE("keys: every key and table says in one line what it means", "[run_file][keys]") {
  for (const KeyGroup& group : all_key_groups()) {
    CHECK_FALSE(group.meaning.empty());
    for (const KeyRow& row : group.rows) {
      INFO(row.path << ": " << row.meaning);
      CHECK(row.meaning.size() >= 4);
      CHECK(row.meaning.size() <= 90);
      CHECK(row.meaning.find_first_of("\n|") == std::string::npos);
      CHECK((row.meaning.back() != '.' || row.meaning.find("..") != std::string::npos));
    }
  }
}

TEST_CASE("keys: a part is a group, a table inside or a key; what is none names the groups",
          "[run_file][keys]") {
  const auto groups = all_key_groups();
  CHECK(part_of(groups, "policy").front().rows.size() > 30);
  CHECK(part_of(groups, "run").front().rows.front().path == "name");
  CHECK(part_of(groups, "policy.optimizer").front().rows.size() == 8);
  CHECK(part_of(groups, "task.weight").front().rows.front().path == "task.NAME.weight");
  try {
    part_of(groups, "polcy");
    FAIL("there is such a part");
  } catch (const ConfigError& e) {
    CHECK(
        std::string(e.what()) ==
        "keys: there is no 'polcy'; did you mean 'policy'? The groups: run, model, data, column, "
        "task, warmup, policy, retrain, share, balance, eval, checkpoint, log, study, set, method, "
        "grid");
  }
}

TEST_CASE("keys: words and owners are listed from what reads them", "[run_file][keys]") {
  const auto rows = by_path(RunFile());
  CHECK(rows.at("sharing").words.size() == words_of(Sharing{}).size());
  CHECK(rows.at("balance.c").owners == "cagrad");
  CHECK(rows.at("share.lr_factor").owners == "cross_stitch, sluice, nddr");
  const std::string text = keys_text(part_of(run_file_groups(), "balance"));
  CHECK_THAT(text, contains_text("one of equal, fixed, uw,"));
  CHECK_THAT(text, contains_text("of cagrad alone"));
  for (size_t from = 0, to; (to = text.find('\n', from)) != std::string::npos; from = to + 1)
    CHECK(to - from <= 140);
}

TEST_CASE("keys: docs/run_file.md is what weft keys --markdown prints", "[run_file][keys]") {
  INFO("write it anew: ./weft keys --markdown > docs/run_file.md");
  CHECK(text_of(source_dir() + "/docs/run_file.md") == keys_page());
}
