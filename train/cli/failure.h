// How the program ends after an error: a UserError (and what the surroundings refuse) with 2, any
// other error with 1, a stopped run with 128 + signal; each but the last with one line on stderr.
// The same holds where C++ gives no catch a chance (an exception out of a destructor, as JSON's
// allocates, out of a thread, or no memory left for an exception): std::terminate says the line and
// ends the process, which is no abort. Files that are replaced are whole then, as after a SIGKILL.
#pragma once

namespace weft::cli {

/// The error that is being handled, on stderr; returns the exit code. It allocates nothing.
int explain() noexcept;
/// From here on std::terminate is such an end.
void explain_terminate();

}  // namespace weft::cli
