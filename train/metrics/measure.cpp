// Measures as text and as JSON.
#include "train/metrics/measure.h"

#include <fmt/format.h>

#include <limits>
#include <nlohmann/json.hpp>

namespace weft {
namespace {

/// One spelling, whatever the sign bit of a NaN.
const char* fault_name(double value) {
  return std::isnan(value) ? "nan" : value > 0 ? "inf" : "-inf";
}

}  // namespace

std::string fixed_text(const Measure& m, int decimals, bool sign) {
  if (!m) return "-";
  if (is_fault(m)) return fault_name(*m);
  return sign ? fmt::format("{:+.{}f}", *m, decimals) : fmt::format("{:.{}f}", *m, decimals);
}

nlohmann::json to_json_value(const Measure& m) {
  if (!m) return nullptr;
  return is_fault(m) ? nlohmann::json(fault_name(*m)) : nlohmann::json(*m);
}

Measure measure_from(const nlohmann::json& value) {
  if (value.is_null()) return std::nullopt;
  for (const double fault :
       {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity(),
        -std::numeric_limits<double>::infinity()})
    if (value == fault_name(fault)) return fault;
  return value.get<double>();
}

}  // namespace weft
