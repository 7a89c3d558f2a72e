// Run files, and overrides behind them, each after a zero byte: what is read prints to a text that
// reads back the same; what is refused is named, with where it stands.
#include "train/run_file/run_file.h"

#include "tests/fuzz/targets/target.h"

using namespace weft;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::vector<std::string> parts(1);
  for (char c : fuzz::text_of(data, size)) {
    if (c == '\0') {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  const std::string text = parts[0];
  parts.erase(parts.begin());
  RunFile run;
  try {
    run = parse_run_text(text, "x", parts);
  } catch (const ConfigError& error) {
    const std::string_view message = error.what();
    fuzz::require(message.substr(0, 1) == "x" || message.substr(0, 14) == "command line: ",
                  message);
    return 0;
  }
  const std::string printed = print_run_file(run);
  fuzz::require(print_run_file(parse_run_text(printed, "again")) == printed,
                "printed as it is read");
  return 0;
}
