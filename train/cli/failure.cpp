// Exceptions to exit codes, and the terminate handler.
#include "train/cli/failure.h"

#include <unistd.h>

#include <exception>
#include <new>
#include <system_error>

#include "engine/error.h"
#include "train/cli/process.h"
#include "train/step/stop.h"

namespace weft::cli {
namespace {

int explain_shortage() noexcept {
  return complain("", "out of memory: a smaller batch, size or width needs less"), 2;
}

/// No destructor and no exit handler runs: they may be what failed. Without an exception it is
/// memory that was short (even an exception takes some) or a mistake of ours.
[[noreturn]] void end_terminated() {
  if (std::current_exception() != nullptr) _exit(explain());
  if (reserve_is_spent()) _exit(explain_shortage());
  complain("internal error: ", "std::terminate without an exception");
  _exit(1);
}

}  // namespace

int explain() noexcept {
  try {
    throw;
  } catch (const Stopped& stopped) {
    return 128 + stopped.signal;
  } catch (const UserError& error) {
    return complain("", error.what()), 2;
  } catch (const CheckFailed& failed) {
    return complain("", failed.what()), 1;
  } catch (const std::system_error& error) {  // a file system, a stream, no thread to be had
    return complain("", error.what()), 2;
  } catch (const std::bad_alloc&) {
    return explain_shortage();
  } catch (const std::exception& error) {
    return complain("internal error: ", error.what()), 1;
  } catch (...) {
    return complain("internal error: ", "an exception of an unknown type"), 1;
  }
}

void explain_terminate() { std::set_terminate(end_terminated); }

}  // namespace weft::cli
