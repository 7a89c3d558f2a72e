// Numbers as text has them: decimal ones alone, so that what other programs read as text is never a
// number here.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace weft {

/// ASCII letters as small ones.
std::string lower(std::string text);
/// The text without spaces at its ends.
std::string_view trimmed(std::string_view cell);
/// The decimal number a cell holds ("-1.5", "2e-3"); nothing where it is none that a float holds.
std::optional<double> number_of(const std::string& cell);
/// A number that is none here: "nan", "-inf", or one that no float holds.
bool is_odd_number(const std::string& cell);
/// Why number_of says nothing: "'1,5' has a decimal comma; write 1.5".
std::string no_number(const std::string& cell);

}  // namespace weft
