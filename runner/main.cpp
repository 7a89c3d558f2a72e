// weft-run: the one catch, as in weft itself: one line on stderr, and the exit code says whose fault
// it was (docs/architecture.md, 9.8).
#include <cstdio>
#include <system_error>

#include "engine/error.h"
#include "runner/session.h"

namespace {

void print(std::FILE* to, const std::string& text) { std::fwrite(text.data(), 1, text.size(), to); }

int complain(const char* kind, const char* what, int code) {
  print(stderr, fmt::format("weft-run: {}{}\n", kind, what));
  return code;
}

}  // namespace

int main(int argc, char** argv) {
  using namespace weft::runner;
  try {
    const Arguments arguments = parse_arguments(argc, argv);
    if (arguments.help) {
      print(stdout, help_text());
    } else {
      Session session(arguments);
      session.run([](const std::string& line) { print(stdout, line); });
      print(stderr, session.latency());
    }
    if (std::fflush(stdout) != 0 || std::ferror(stdout))
      throw weft::UserError("cannot write the results to the standard output");
    return 0;
  } catch (const weft::UserError& error) {
    return complain("", error.what(), 2);
  } catch (const std::system_error& error) {
    return complain("", error.what(), 2);
  } catch (const std::bad_alloc&) {
    return complain("", "out of memory", 2);
  } catch (const std::exception& error) {
    return complain("internal error: ", error.what(), 1);
  }
}
