// [balance]: which of its keys belong to which method, and the method that it asks for. The methods
// themselves, and what each option means, are in models/balance.
#pragma once

#include <memory>

#include "models/balance/balance.h"
#include "train/run_file/run_file.h"

namespace weft {

/// Whether steps are other than along the plain weighted sum.
bool balances(const RunFile& run);
/// balance.method, and balance.weighting (null: none), for the run's tasks. ConfigError as
/// make_balance, naming the place in the run file.
std::unique_ptr<Balance> make_method(const RunFile& run);
std::unique_ptr<Balance> make_weighting(const RunFile& run);

/// ConfigError for a key that the method does not know, and for values that do not fit together.
void check_balance(const RunFile& run);

}  // namespace weft
