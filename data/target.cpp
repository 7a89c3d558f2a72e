// Targets and conditions from their text: a reader of one token ahead.
#include "data/target.h"

#include <algorithm>
#include <cctype>
#include <cmath>

#include "engine/error.h"
#include "io/number_text.h"

namespace weft {
namespace {

class Reader {
 public:
  Reader(const std::string& text, const std::string& key) : text_(text), key_(key) { skip(); }

  [[noreturn]] void refuse(const std::string& what) const {
    throw ConfigError(
        fmt::format("{}: \"{}\" is not understood at \"{}\": {}; it is made of columns and numbers "
                    "with * / and ^, such as \"log10(id * L / W)\"",
                    key_, text_, text_.substr(at_), what));
  }
  bool take(char c) {
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    skip();
    return true;
  }
  bool take_word(const std::string& word) {
    if (text_.compare(at_, word.size(), word) != 0) return false;
    at_ += word.size();
    skip();
    return true;
  }
  void end() const {
    if (at_ != text_.size()) refuse("nothing is expected here");
  }
  bool at_number() const {
    return at_ < text_.size() && (std::isdigit(static_cast<unsigned char>(text_[at_])) != 0 ||
                                  text_[at_] == '-' || text_[at_] == '.');
  }
  double number() {
    size_t end = at_;
    const auto digit = [&](size_t i) { return std::isdigit(static_cast<unsigned char>(text_[i])); };
    while (end < text_.size() && (digit(end) || text_[end] == '.' || text_[end] == 'e' ||
                                  (text_[end] == '-' && (end == at_ || text_[end - 1] == 'e'))))
      ++end;
    const auto value = number_of(text_.substr(at_, end - at_));
    if (!value) refuse("a number is expected");
    at_ = end;
    skip();
    return *value;
  }
  std::string column() {
    size_t end = at_;
    while (end < text_.size() && (std::isalnum(static_cast<unsigned char>(text_[end])) ||
                                  text_[end] == '_' || text_[end] == '.'))
      ++end;
    if (end == at_) refuse("a column is expected");
    std::string name = text_.substr(at_, end - at_);
    at_ = end;
    skip();
    return name;
  }
  Product product() {
    Product out;
    for (double sign = 1;;) {
      if (at_number()) {
        const double value = number();
        if (!(value > 0) || !std::isfinite(value)) refuse("a factor is more than 0");
        out.factor *= sign > 0 ? value : 1 / value;
      } else {
        const std::string name = column();
        const double power = take('^') ? number() : 1;
        out.powers[name] += sign * power;
      }
      if (take('*'))
        sign = 1;
      else if (take('/'))
        sign = -1;
      else
        return out;
    }
  }

 private:
  void skip() {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
  }
  const std::string& text_;
  const std::string& key_;
  size_t at_ = 0;
};

}  // namespace

double Product::power_of(const std::string& column) const {
  const auto found = powers.find(column);
  return found == powers.end() ? 0 : found->second;
}

double Product::value(const std::function<double(const std::string&)>& number) const {
  double out = factor;
  for (const auto& [column, power] : powers) out *= std::pow(number(column), power);
  return out;
}

double Target::of(double y, double m_value) const {
  return log10 ? std::log10(y * m_value) : y * m_value;
}

double Target::back(double t, double m_value) const {
  return (log10 ? std::pow(10.0, t) : t) / m_value;
}

Target parse_target(const std::string& text, const std::string& y, const std::string& key) {
  Reader reader(text, key);
  Target target;
  target.log10 = reader.take_word("log10(");
  target.m = reader.product();
  if (target.log10 && !reader.take(')')) reader.refuse("a ) is expected");
  reader.end();
  if (target.m.power_of(y) != 1)
    throw ConfigError(
        fmt::format("{}: \"{}\" does not hold the label's column '{}' to the first power, so that "
                    "predictions cannot be turned back into it",
                    key, text, y));
  target.m.powers.erase(y);
  return target;
}

Condition parse_condition(const std::string& text, const std::string& key) {
  Reader reader(text, key);
  Condition condition;
  condition.product = reader.product();
  if (!reader.take('>')) reader.refuse("a > is expected");
  condition.least = reader.number();
  reader.end();
  return condition;
}

Slope parse_slope(const std::string& text, const std::string& key) {
  Reader reader(text, key);
  Slope slope;
  slope.label = reader.column();
  if (!reader.take(':')) reader.refuse("a : is expected, as in \"gm: vgs\"");
  slope.input = reader.column();
  if (reader.take(',')) {
    if (!reader.take_word("weight"))
      reader.refuse("weight is expected, as in \"gm: vgs, weight 0.1\"");
    slope.weight = reader.number();
    if (!(slope.weight > 0) || !std::isfinite(slope.weight))
      reader.refuse("a weight is a finite number above 0; leave it out where nothing is learned");
  }
  reader.end();
  return slope;
}

bool learns_slopes(const std::vector<std::string>& slopes, const std::string& key) {
  return std::any_of(slopes.begin(), slopes.end(),
                     [&](const std::string& text) { return parse_slope(text, key).weight > 0; });
}

}  // namespace weft
