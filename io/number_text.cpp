// Decimal numbers of text; see number_text.h.
#include "io/number_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdlib>
#include <limits>

namespace weft {
namespace {

/// Digits with a sign, a point and an exponent where there are some: no hexadecimal, no separators
/// of thousands, neither "inf" nor "nan".
bool is_decimal(std::string_view text) {
  size_t at = 0;
  const auto digits = [&] {
    const size_t from = at;
    while (at < text.size() && text[at] >= '0' && text[at] <= '9') ++at;
    return at - from;
  };
  const auto one_of = [&](std::string_view wanted) {
    const bool found = at < text.size() && wanted.find(text[at]) != std::string_view::npos;
    at += found;
    return found;
  };
  one_of("+-");
  size_t mantissa = digits();
  if (one_of(".")) mantissa += digits();
  if (mantissa == 0) return false;
  if (one_of("eE")) {
    one_of("+-");
    if (digits() == 0) return false;
  }
  return at == text.size();
}

/// "nan", "-inf" and the like, as programs write them.
bool says_not_finite(const std::string& cell) {
  std::string word = lower(cell);
  if (!word.empty() && (word[0] == '-' || word[0] == '+')) word.erase(0, 1);
  return word == "nan" || word == "inf" || word == "infinity";
}

}  // namespace

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

std::string_view trimmed(std::string_view cell) {
  const size_t first = cell.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return cell.substr(first, cell.find_last_not_of(" \t") - first + 1);
}

std::optional<double> number_of(const std::string& cell) {
  if (!is_decimal(cell)) return {};
  const double number = std::strtod(cell.c_str(), nullptr);
  if (std::abs(number) > std::numeric_limits<float>::max()) return {};
  return number;
}

bool is_odd_number(const std::string& cell) {
  return says_not_finite(cell) || (is_decimal(cell) && !number_of(cell));
}

std::string no_number(const std::string& cell) {
  if (is_decimal(cell)) return fmt::format("'{}' is a number that no float holds", cell);
  if (says_not_finite(cell)) return fmt::format("'{}' is no finite number", cell);
  std::string point = cell;
  std::replace(point.begin(), point.end(), ',', '.');
  if (point != cell && is_decimal(point))
    return fmt::format("'{}' has a decimal comma; write {}", cell, point);
  return fmt::format("'{}' is no number", cell);
}

}  // namespace weft
