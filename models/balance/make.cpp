// The choice of a method.
#include "models/balance/make.h"

#include <array>

#include "engine/error.h"

namespace weft {
namespace balance {

void require(bool holds, const char* name, const char* key, double value, const char* rule) {
  if (holds) return;
  throw ConfigError(fmt::format("balance = {}: {} is {}; it has to be {}", name, key, value, rule));
}

}  // namespace balance

std::unique_ptr<Balance> make_balance(BalanceMethod method, const BalanceOptions& options) {
  if (options.tasks.empty()) throw ConfigError("balance: there are no tasks to weigh");
#define WEFT_MAKER(method) balance::make_##method,
  constexpr std::array makers{WEFT_BALANCE_METHODS(WEFT_MAKER)};
#undef WEFT_MAKER
  return makers.at(static_cast<size_t>(method))(options);
}

}  // namespace weft
