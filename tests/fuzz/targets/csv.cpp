// CSV, in each of the ways that a run file can describe it: every row has a cell for every column.
#include "io/csv.h"

#include "tests/fuzz/targets/target.h"

using namespace weft;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const CsvFormat formats[] = {{}, {{"a", "b", "c"}, "#", ""}, {{}, "", "tab"}};
  for (const CsvFormat& format : formats)
    fuzz::reads([&] {
      const Csv csv = parse_csv(fuzz::text_of(data, size), "x", format);
      for (const auto& row : csv.rows)
        fuzz::require(row.size() == csv.header.size(), "a cell a column");
      fuzz::require(csv.rows.size() == csv.lines.size(), "a line a row");
    });
  return 0;
}
