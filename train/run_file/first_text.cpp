// Free text by counting; keys by the texts' lengths and number.
#include "train/run_file/first_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "train/run_file/toml/values.h"

namespace weft {
namespace {

constexpr size_t least_words = 5, least_characters = 24;  ///< in the mean
constexpr size_t step = 16, most_length = 1024;           ///< bytes that the network reads

/// Of texts of so many bytes, for most of them whole.
size_t length_for(std::vector<size_t> sizes) {
  std::sort(sizes.begin(), sizes.end());
  const size_t most = sizes[(sizes.size() - 1) * 19 / 20];
  return std::clamp((most + step - 1) / step * step, size_t{32}, most_length);
}

}  // namespace

bool is_free_text(const std::vector<std::string>& cells) {
  size_t words = 0, characters = 0;
  for (const std::string& cell : cells) {
    characters += cell.size();
    bool between = true;
    for (const char c : cell) {
      const bool space = c == ' ' || c == '\n' || c == '\t' || c == '\r';
      words += between && !space;
      between = space;
    }
  }
  const std::set<std::string> different(cells.begin(), cells.end());
  return cells.size() > 2 && 2 * different.size() > cells.size() &&
         words >= least_words * cells.size() && characters >= least_characters * cells.size();
}

FirstText first_text(const std::vector<std::string>& texts, const std::vector<std::string>& columns,
                     size_t tasks) {
  std::vector<size_t> sizes;
  for (const std::string& text : texts) sizes.push_back(text.size());
  const size_t length = length_for(sizes);
  const auto longer =
      std::count_if(sizes.begin(), sizes.end(), [&](size_t n) { return n > length; });
  const size_t batch = std::clamp<size_t>(texts.size() / 16, 4, 32);
  // Eight times over the texts.
  const size_t steps = std::clamp<size_t>(8 * texts.size() / batch, 100, 1500);
  std::string names;
  for (const std::string& column : columns)
    names += (names.empty() ? "" : ", ") + toml_string(column);
  FirstText out;
  out.model = "[model]\ntrunk = \"vdcnn9\"\nwidth = 0.25\nhead = \"linear\"\n";
  out.input = fmt::format(
      "columns = [{}]\nlength = {}  # bytes; {} of {} texts are longer, and cut\nbatch = {}\n",
      names, length, longer, texts.size(), batch);
  const char* optimizer = "optimizer = { lr = 3e-3, betas = [0.9, 0.999], weight_decay = 1e-4 }\n";
  if (tasks > 1)
    out.schedule = fmt::format(
        "\n[warmup]\nsteps = {}\n{}\n[policy]\nsteps = {}\n"
        "optimizer = {{ lr = 1e-3, betas = [0.9, 0.999], weight_decay = 1e-4 }}\n"
        "logits = {{ lr = 0.02 }}\nweight_steps = 20\nlogit_steps = 5\ncurriculum_speed = 2\n"
        "sparsity = 0.01\nsharing = 0.01\n",
        steps / 2, optimizer, std::max<size_t>(steps / 50 * 25, 100));
  out.schedule += fmt::format("\n[retrain]\nsteps = {}\n{}schedule = {{ kind = \"cosine\" }}\n",
                              steps, tasks > 1 ? "" : optimizer);
  out.schedule += fmt::format("\n[eval]\nevery = {}\n", steps / 10);
  return out;
}

}  // namespace weft
