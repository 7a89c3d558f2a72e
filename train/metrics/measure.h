// A measured number: absent where there was nothing to measure (no label, AUROC of one class). NaN
// and infinity are never absence: they are a fault of what was measured, and every sum, mean,
// choice and table that meets one shows it. In JSON absence is null, a fault its name in a string.
#pragma once

#include <cmath>
#include <optional>
#include <string>

#include <nlohmann/json_fwd.hpp>

namespace weft {

using Measure = std::optional<double>;

/// A value that is there and is no number.
inline bool is_fault(const Measure& m) { return m && !std::isfinite(*m); }

/// "-" where there is none, else with so many decimals; "nan", "inf", "-inf". `sign`: "+1.50".
std::string fixed_text(const Measure& m, int decimals, bool sign = false);

nlohmann::json to_json_value(const Measure& m);
/// Throws nlohmann's type_error for anything but a number, null and the names of faults.
Measure measure_from(const nlohmann::json& value);

}  // namespace weft
