// Every method of balancing by its word, for tests that go over all of them.
#pragma once

#include <string>
#include <vector>

#include "models/balance/options.h"

namespace weft {

inline std::vector<std::string> balance_names() {
  constexpr auto words = words_of(BalanceMethod{});
  return {words.begin(), words.end()};
}

inline BalanceMethod method_called(const std::string& name) {
  return from_word<BalanceMethod>("balance", name);
}

}  // namespace weft
