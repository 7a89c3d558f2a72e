// What the benchmarks share: their arguments. Shares are of the peaks in train/compare/ceiling.h.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace weft::bench {

/// --name value pairs; --quick alone is 1.
class Arguments {
 public:
  Arguments(int argc, char** argv);
  int64_t number(const std::string& name, int64_t otherwise) const;
  std::string text(const std::string& name, const std::string& otherwise) const;
  bool has(const std::string& name) const { return values_.count(name) > 0; }

 private:
  std::map<std::string, std::string> values_;
};

std::vector<std::string> split(const std::string& text, char at);
/// What --phases lists and its figures are called by, in the order in which they are shown.
inline constexpr const char* phase_names[] = {"warmup", "weights", "policy", "retrain", "infer"};

void steps(const Arguments& arguments);
void conv(const Arguments& arguments);
void balance(const Arguments& arguments);
void growth(const Arguments& arguments);
void blockdrop(const Arguments& arguments);

}  // namespace weft::bench
