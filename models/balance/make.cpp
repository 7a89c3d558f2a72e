// The choice of a method by word.
#include "models/balance/make.h"

#include <algorithm>
#include <iterator>

#include "engine/error.h"

namespace weft {
namespace balance {
namespace {

struct Entry {
  const char* name;
  Made (*make)(const BalanceOptions&);
};

constexpr Entry methods[] = {
    {"equal", make_equal},
    {"fixed", make_fixed},
    {"uw", make_uw},
    {"dwa", make_dwa},
    {"rlw", make_rlw},
    {"gls", make_gls},
    {"stch", make_stch},
    {"imtl_l", make_imtl_l},
    {"famo", make_famo},
    {"mgda", make_mgda},
    {"pcgrad", make_pcgrad},
    {"cagrad", make_cagrad},
    {"gradnorm", make_gradnorm},
    {"gradvac", make_gradvac},
    {"imtl_g", make_imtl_g},
    {"nash_mtl", make_nash_mtl},
    {"fairgrad", make_fairgrad},
    {"aligned_mtl", make_aligned_mtl},
    {"upgrad", make_upgrad},
    {"dualproj", make_dualproj},
    {"config", make_config},
    {"sdmgrad", make_sdmgrad},
    {"modo", make_modo},
    {"graddrop", make_graddrop},
    {"moco", make_moco},
    {"sign_agreement", make_sign_agreement},
    {"db_mtl", make_db_mtl},
    {"excess_mtl", make_excess_mtl},
};

}  // namespace

void require(bool holds, const char* name, const char* key, double value, const char* rule) {
  if (holds) return;
  throw ConfigError(fmt::format("balance = {}: {} is {}; it has to be {}", name, key, value, rule));
}

void require(bool holds, const char* name, const char* key, const std::string& value,
             const char* rule) {
  if (holds) return;
  throw ConfigError(fmt::format("balance = {}: {} is '{}'; choose {}", name, key, value, rule));
}

}  // namespace balance

std::vector<std::string> balance_names() {
  std::vector<std::string> names;
  for (const auto& method : balance::methods) names.push_back(method.name);
  return names;
}

std::unique_ptr<Balance> make_balance(const std::string& name, const BalanceOptions& options) {
  if (options.tasks.empty()) throw ConfigError("balance: there are no tasks to weigh");
  for (const auto& method : balance::methods)
    if (name == method.name) return method.make(options);
  const std::vector<std::string> names = balance_names();
  std::string list = names[0];
  for (size_t i = 1; i < names.size(); ++i)
    list += (i + 1 == names.size() ? " or " : ", ") + names[i];
  throw ConfigError(fmt::format("balance: there is no '{}'; choose {}", name, list));
}

}  // namespace weft
