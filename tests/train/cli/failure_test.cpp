// How the program ends after an error, caught or not: exit code and line of every kind of exception,
// out of main's catch and out of a function that must not throw, and without any exception. Each
// end is a process of its own.
#include "train/cli/failure.h"

#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <exception>
#include <functional>
#include <new>
#include <thread>

#include "engine/error.h"
#include "tests/support/catch.h"
#include "train/cli/process.h"
#include "train/step/stop.h"

using namespace weft;

namespace {

struct End {
  int code;  ///< -1: a signal
  std::string line;
};

/// What a child says on stderr and how it ends; `work` that returns ends it with 77.
End end_of(const std::function<void()>& work) {
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  std::fflush(stdout);  // else the child writes it once more
  const pid_t child = fork();
  if (child == 0) {
    dup2(ends[1], STDERR_FILENO);
    cli::prepare_process();
    cli::explain_terminate();
    work();
    _exit(77);
  }
  REQUIRE(child > 0);
  close(ends[1]);
  std::string said;
  char bytes[256];
  for (ssize_t n = 0; (n = read(ends[0], bytes, sizeof bytes)) > 0;) said.append(bytes, n);
  close(ends[0]);
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, said};
}

/// As a destructor is: nothing may come out of it.
void must_not_throw(const std::function<void()>& work) noexcept { work(); }

struct Kind {
  std::function<void()> raise;
  int code;
  std::string line;
};

const std::vector<Kind> kinds = {
    {[] { throw ConfigError("no such key"); }, 2, "weft: no such key\n"},
    {[] { throw std::bad_alloc(); }, 2,
     "weft: out of memory: a smaller batch, size or width needs less\n"},
    {[] { throw std::system_error(EMFILE, std::generic_category(), "run.toml"); }, 2,
     "weft: run.toml: Too many open files\n"},
    {[] { throw CheckFailed("compare: out of bound"); }, 1, "weft: compare: out of bound\n"},
    {[] { throw std::logic_error("no such\nlayer"); }, 1, "weft: internal error: no such layer\n"},
    {[] { throw 3; }, 1, "weft: internal error: an exception of an unknown type\n"},
    {[] { throw Stopped{15}; }, 143, ""},
};

}  // namespace

TEST_CASE("failure: an error ends with its exit code and line, caught or not", "[cli]") {
  for (const Kind& kind : kinds) {
    const std::vector<std::function<void()>> ways = {
        [&] {
          try {
            kind.raise();
          } catch (...) {
            _exit(cli::explain());
          }
        },
        [&] { must_not_throw(kind.raise); }, [&] { std::thread(kind.raise).join(); },
        [&] {  // out of a destructor, while another error is on its way
          struct Throwing {
            const Kind& kind;
            ~Throwing() { kind.raise(); }
          };
          const Throwing last{kind};
          throw std::bad_alloc();
        }};
    for (const auto& way : ways) {
      const End end = end_of(way);
      CHECK(end.line == kind.line);
      CHECK(end.code == kind.code);
    }
  }
}

TEST_CASE("failure: no memory for an exception is out of memory, all else without one is a mistake",
          "[cli]") {
  const End mistake = end_of([] { std::terminate(); });
  CHECK(mistake.line == "weft: internal error: std::terminate without an exception\n");
  CHECK(mistake.code == 1);
  const End shortage = end_of([] {
    std::get_new_handler()();  // what operator new does when malloc has none
    std::terminate();
  });
  CHECK(shortage.line == kinds[1].line);
  CHECK(shortage.code == 2);
}
